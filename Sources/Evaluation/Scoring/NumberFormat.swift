// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens

/// How numbers are written digit by digit: `0.123`, `-45`, `1023`, `007`.
///
/// A number that has fewer digits than the longest (`1` of `10`, and `0` where there are longer ones) must be followed by
/// one of `ends`; one that has all its digits ends by itself.
public struct NumberFormat: Sendable, Hashable {
  /// Whether digits before the point may begin with zeros that mean nothing.
  public enum LeadingZeros: String, Sendable, Hashable, Codable, CaseIterable {
    /// `7`: a first 0 is the number 0, or stands before the point.
    case none
    /// `007`: numbers are filled up with zeros to the least number of digits, and longer ones have none.
    case padding
    /// `7`, `07` and `007` all occur, and are the same number.
    case any
  }

  /// The ten digits.
  public var digits: TokenSpace
  /// How many digits stand before the point; none only with fraction digits (`.5`).
  public var integerDigits: ClosedRange<Int>
  /// How many digits stand behind it; `0...0` for integers.
  public var fractionDigits: ClosedRange<Int>
  /// Whether these may begin with zeros.
  public var leadingZeros: LeadingZeros
  /// The token of the decimal point; only needed with fraction digits.
  public var point: Int32?
  /// The token of the minus sign; nil if there are no negative numbers.
  public var minus: Int32?
  /// Tokens that end a number: the end token, a line break, a closing bracket.
  public var ends: [Int32]
  /// Least and greatest number.
  public var bounds: ClosedRange<Double>?

  /// Memberwise. `NumberFormat(digits: digits, fractionDigits: 3...3, point: dot, bounds: 0...0.999)` is `0.xyz`.
  public init(
    digits: TokenSpace, integerDigits: ClosedRange<Int> = 1...1, fractionDigits: ClosedRange<Int> = 0...0,
    leadingZeros: LeadingZeros = .none, point: Int32? = nil, minus: Int32? = nil, ends: [Int32] = [],
    bounds: ClosedRange<Double>? = nil
  ) {
    self.digits = digits
    self.integerDigits = integerDigits
    self.fractionDigits = fractionDigits
    self.leadingZeros = leadingZeros
    self.point = point
    self.minus = minus
    self.ends = ends
    self.bounds = bounds
  }
}

extension NumberFormat {
  /// Digits of the longest number: all of these are told apart by a double.
  public static let longest = 15
}

extension AnswerSpace {
  /// The numbers of a format.
  ///
  /// - Throws: `DecodingError.badSetting` if the format lacks a token that it needs.
  public static func numbers(_ format: NumberFormat) throws -> AnswerSpace {
    func require(_ condition: Bool, _ problem: String) throws {
      if !condition { throw DecodingError.badSetting("number format: " + problem) }
    }
    try require(format.digits.unit == .digit, "expected a space of digits, found \(format.digits.name)")
    try require(
      format.integerDigits.lowerBound >= 0 && format.fractionDigits.lowerBound >= 0
        && (1...NumberFormat.longest).contains(format.integerDigits.upperBound + format.fractionDigits.upperBound)
        && (format.integerDigits.lowerBound > 0 || format.fractionDigits.upperBound > 0),
      "expected 1 to \(NumberFormat.longest) digits, and at least one before the point where none follow it")
    try require(
      format.fractionDigits.upperBound == 0 || format.point != nil, "expected a token for the point, found none")
    try require(
      !format.ends.isEmpty
        || (format.integerDigits.count == 1 || format.fractionDigits.lowerBound > 0)
          && format.fractionDigits.count == 1,
      "expected tokens that end a number of variable length, found none")
    return AnswerSpace { path in PartialNumber(path, format).continuation }
  }
}

/// A number as far as it is written.
private struct PartialNumber {
  let format: NumberFormat
  var isNegative = false
  var integer: [Int] = []
  var fraction: [Int]?
  var hasEnded = false

  init(_ path: [Int32], _ format: NumberFormat) {
    self.format = format
    for id in path {
      if let candidate = format.digits.candidate(of: id), let value = format.digits.values?[candidate] {
        if fraction == nil { integer.append(Int(value)) } else { fraction?.append(Int(value)) }
      } else if id == format.minus, integer.isEmpty {
        isNegative = true
      } else if id == format.point {
        fraction = []
      } else {
        hasEnded = true
      }
    }
  }

  var continuation: AnswerSpace.Continuation {
    if hasEnded || (isWhole && !mayGoOn && !needsEnd) { return .value(value) }
    var tokens = mayTakeDigit ? (0...9).filter { canReach(appending: $0) }.compactMap(token) : []
    if integer.isEmpty, fraction == nil, let minus = format.minus, !isNegative, (format.bounds?.lowerBound ?? -1) < 0 {
      tokens.append(minus)
    }
    if let point = format.point, mayTakePoint, canReach(appending: nil) { tokens.append(point) }
    if isWhole, format.bounds?.contains(value) ?? true { tokens += format.ends }
    return .tokens(tokens)
  }

  private func token(_ digit: Int) -> Int32? {
    format.digits.candidate(valued: Double(digit)).map { format.digits.ids[$0] }
  }

  private var mayTakeDigit: Bool {
    if let fraction { return fraction.count < format.fractionDigits.upperBound }
    return integer.count < longestInteger
  }

  private var mayTakePoint: Bool {
    fraction == nil && format.integerDigits.contains(integer.count) && format.fractionDigits.upperBound > 0
  }

  private var mayGoOn: Bool { mayTakeDigit || mayTakePoint }

  /// A model may go on after a number shorter than others though the format has nothing more: `0`, and then `07`.
  private var needsEnd: Bool {
    !format.ends.isEmpty && fraction == nil && integer.count < format.integerDigits.upperBound
  }

  /// Whether the number may end here.
  private var isWhole: Bool {
    let written = fraction?.count ?? 0
    return format.integerDigits.contains(integer.count) && format.fractionDigits.contains(written)
      && (fraction == nil ? !integer.isEmpty : written > 0)
  }

  /// The digits before the point that a number with this beginning has at most.
  private var longestInteger: Int {
    guard integer.first == 0 else { return format.integerDigits.upperBound }
    return switch format.leadingZeros {
    case .none: 1
    case .padding: format.integerDigits.lowerBound
    case .any: format.integerDigits.upperBound
    }
  }

  private var value: Double { (isNegative ? -1 : 1) * Self.read(integer, fraction ?? []) }

  private static func read(_ integer: [Int], _ fraction: [Int]) -> Double {
    // Read as text, so that 0.123 is the double nearest to 0.123 and not a sum of rounded tenths.
    Double(([0] + integer).map(String.init).joined() + "." + (fraction + [0]).map(String.init).joined()) ?? .nan
  }

  /// Whether some number within the bounds begins with this and one more digit, or the point for nil.
  private func canReach(appending digit: Int?) -> Bool {
    var longer = self
    if let digit, fraction != nil { longer.fraction?.append(digit) } else if let digit { longer.integer.append(digit) }
    if digit == nil { longer.fraction = [] }
    let written = longer.integer.count
    let lengths =
      longer.fraction == nil
      ? Array(stride(from: max(written, format.integerDigits.lowerBound), through: longer.longestInteger, by: 1))
      : [written]
    guard let bounds = format.bounds else { return !lengths.isEmpty }
    return lengths.contains { length in
      let least = longer.filled(with: 0, integerDigits: length), most = longer.filled(with: 9, integerDigits: length)
      return isNegative
        ? -most <= bounds.upperBound && -least >= bounds.lowerBound
        : least <= bounds.upperBound && most >= bounds.lowerBound
    }
  }

  /// The size of the number once the digits that are missing are all `digit`.
  private func filled(with digit: Int, integerDigits: Int) -> Double {
    let written = fraction ?? []
    return Self.read(
      integer + [Int](repeating: digit, count: integerDigits - integer.count),
      written + [Int](repeating: digit, count: format.fractionDigits.upperBound - written.count))
  }
}
