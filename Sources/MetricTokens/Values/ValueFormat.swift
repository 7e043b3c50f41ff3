// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How the numbers of an answer are written, and which there are: `7`, `-12.50`, `007`.
///
/// The values are an evenly spaced grid, `index · step · 10^−decimals` for every index in ``indices``, and every value has
/// exactly one writing. Targets over whole numbers, constrained decoding and read-outs all speak of this grid.
public struct ValueFormat: Sendable, Hashable, Codable {
  /// Least and greatest value, in steps.
  public var indices: ClosedRange<Int>
  /// Digits behind the point; the most there are, where trailing zeros are left out.
  public var decimals: Int
  /// Whether trailing zeros behind the point (and then the point) are left out: `3`, `3.5`, `3.25`.
  public var isTrimmed: Bool
  /// Digits before the point that are always written, with zeros in front where needed: 3 for `007`; 1 for none.
  public var integerDigits: Int
  /// Distance of neighbouring values in units of `10^−decimals`: 5 for ratings in half points, written with one decimal.
  public var step: Int

  /// Largest number of digits, before and behind the point together: more are not exact in a Double.
  public static let largestDigits = 15

  /// Memberwise.
  ///
  /// - Throws: `ValueFormatError` for more than 15 digits, no digit before the point, or a step below 1.
  public init(
    indices: ClosedRange<Int>, decimals: Int = 0, isTrimmed: Bool = false, integerDigits: Int = 1, step: Int = 1
  ) throws(ValueFormatError) {
    guard (0...Self.largestDigits).contains(decimals), (1...Self.largestDigits).contains(integerDigits),
      integerDigits + decimals <= Self.largestDigits
    else { throw ValueFormatError("\(integerDigits) digits before the point and \(decimals) behind it") }
    guard step >= 1 else { throw ValueFormatError("a step of \(step) units") }
    let limit = Double(powerOfTen(Self.largestDigits)) / Double(step)
    guard Double(indices.lowerBound) > -limit, Double(indices.upperBound) < limit else {
      throw ValueFormatError("values of more than \(Self.largestDigits) digits")
    }
    self.indices = indices
    self.decimals = decimals
    self.isTrimmed = isTrimmed && decimals > 0
    self.integerDigits = integerDigits
    self.step = step
  }

  /// Whether this is what ``init(indices:decimals:isTrimmed:integerDigits:step:)`` takes, for one that comes from a file.
  public var isValid: Bool {
    let checked = try? ValueFormat(
      indices: indices, decimals: decimals, isTrimmed: isTrimmed, integerDigits: integerDigits, step: step)
    return checked == self
  }

  /// Number of values.
  public var count: Int { indices.count }

  /// The value of an index: the double nearest to what is written.
  public func value(_ index: Int) -> Double { Double(index * step) / Double(powerOfTen(decimals)) }

  /// Distance of neighbouring values.
  public var spacing: Double { value(1) }

  /// Where a value lies between the indices: 2.5 halfway between those of 2 and 3.
  func place(of value: Double) -> Double { value * Double(powerOfTen(decimals)) / Double(step) }

  /// Least and greatest value.
  public var range: ClosedRange<Double> { value(indices.lowerBound)...value(indices.upperBound) }

  /// The index nearest to a value, whether or not it is in ``indices``; nil where there is none of 15 digits.
  public func index(nearest value: Double) -> Int? {
    let index = place(of: value).rounded()
    return abs(index) * Double(step) < Double(powerOfTen(Self.largestDigits)) ? Int(index) : nil
  }

  /// How the value of an index is written.
  public func text(_ index: Int) -> String {
    let magnitude = (index * step).magnitude, unit = powerOfTen(decimals).magnitude
    let (integer, fraction) = magnitude.quotientAndRemainder(dividingBy: unit)
    var text = index < 0 ? "-" : ""
    text += padded(integer, integerDigits)
    guard decimals > 0, !isTrimmed || fraction > 0 else { return text }
    var digits = padded(fraction, decimals)
    while isTrimmed, digits.last == "0" { digits.removeLast() }
    return text + "." + digits
  }

  /// The index that a text writes; nil if it is not one of this format's writings.
  public func index(of text: String) -> Int? {
    let parts = text.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
    guard let value = Double(text), value.isFinite, parts.count <= 2, let index = index(nearest: value),
      indices.contains(index), self.text(index) == text
    else { return nil }
    return index
  }

  private func padded(_ number: UInt, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension ValueFormat {
  /// As earlier versions stored it, too, without `step`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    indices = try values.decode(ClosedRange<Int>.self, forKey: .indices)
    decimals = try values.decode(Int.self, forKey: .decimals)
    isTrimmed = try values.decode(Bool.self, forKey: .isTrimmed)
    integerDigits = try values.decode(Int.self, forKey: .integerDigits)
    step = try values.decodeIfPresent(Int.self, forKey: .step) ?? 1
  }
}

/// Why numbers have no common format.
public struct ValueFormatError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Problem.
  public var description: String

  /// Value found, after which comes what is possible.
  init(_ found: String) {
    description = "number format: expected at most \(ValueFormat.largestDigits) digits, found \(found)"
  }
}

/// 10^exponent, for exponents up to 18.
func powerOfTen(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { power, _ in power * 10 } }
