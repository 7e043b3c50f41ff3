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
    let rules = NumberRules(format)
    return AnswerSpace { path in PartialNumber(path, rules).continuation }
  }
}

/// A format as it is asked for every path: one reference to pass on, digits looked up once.
private final class NumberRules: Sendable {
  let format: NumberFormat
  /// Digits by their tokens.
  let digits: [Int32: Int]
  /// Tokens of the digits 0 … 9.
  let tokens: [Int32?]

  init(_ format: NumberFormat) {
    self.format = format
    tokens = (0...9).map { digit in
      format.digits.candidate(valued: Double(digit)).map { format.digits.ids[$0] }
    }
    let valued = zip(format.digits.ids, format.digits.values ?? [])
    digits = valued.reduce(into: [:]) { $0[$1.0] = Int($1.1) }  // bounded: 0…9
  }
}

/// A number as far as it is written.
private struct PartialNumber {
  let rules: NumberRules
  var format: NumberFormat { rules.format }
  var isNegative = false
  /// All digits, before and behind the point, as one whole number: at most ``NumberFormat/longest`` of them.
  var digits = 0
  var integerDigits = 0
  /// Nil before the point.
  var fractionDigits: Int?
  var startsWithZero = false
  var hasEnded = false

  init(_ path: [Int32], _ rules: NumberRules) {
    self.rules = rules
    for id in path {
      if let digit = rules.digits[id] {
        append(digit)
      } else if id == format.minus, integerDigits == 0 {
        isNegative = true
      } else if id == format.point {
        fractionDigits = 0
      } else {
        hasEnded = true
      }
    }
  }

  private mutating func append(_ digit: Int) {
    if integerDigits == 0, fractionDigits == nil { startsWithZero = digit == 0 }
    digits = digits &* 10 &+ digit
    if let count = fractionDigits { fractionDigits = count + 1 } else { integerDigits += 1 }
  }

  var continuation: AnswerSpace.Continuation {
    if hasEnded || (isWhole && !mayGoOn && !needsEnd) { return .value(value) }
    var tokens = mayTakeDigit ? (0...9).filter { canReach(appending: $0) }.compactMap { rules.tokens[$0] } : []
    if integerDigits == 0, fractionDigits == nil, let minus = format.minus, !isNegative,
      (format.bounds?.lowerBound ?? -1) < 0
    {
      tokens.append(minus)
    }
    if let point = format.point, mayTakePoint, canReach(appending: nil) { tokens.append(point) }
    if isWhole, format.bounds?.contains(value) ?? true { tokens += format.ends }
    return .tokens(tokens)
  }

  private var mayTakeDigit: Bool {
    if let fractionDigits { return fractionDigits < format.fractionDigits.upperBound }
    return integerDigits < longestInteger
  }

  private var mayTakePoint: Bool {
    fractionDigits == nil && format.integerDigits.contains(integerDigits) && format.fractionDigits.upperBound > 0
  }

  private var mayGoOn: Bool { mayTakeDigit || mayTakePoint }

  /// A model may go on after a number shorter than others though the format has nothing more: `0`, and then `07`.
  private var needsEnd: Bool {
    !format.ends.isEmpty && fractionDigits == nil && integerDigits < format.integerDigits.upperBound
  }

  /// Whether the number may end here.
  private var isWhole: Bool {
    let written = fractionDigits ?? 0
    return format.integerDigits.contains(integerDigits) && format.fractionDigits.contains(written)
      && (fractionDigits == nil ? integerDigits > 0 : written > 0)
  }

  /// The digits before the point that a number with this beginning has at most.
  private var longestInteger: Int {
    guard startsWithZero else { return format.integerDigits.upperBound }
    return switch format.leadingZeros {
    case .none: 1
    case .padding: format.integerDigits.lowerBound
    case .any: format.integerDigits.upperBound
    }
  }

  private var value: Double {
    // One division of whole numbers that doubles hold exactly: 0.123 is the double nearest to 0.123.
    let size = Double(digits) / Self.powers[min(fractionDigits ?? 0, NumberFormat.longest)]
    return isNegative ? -size : size
  }

  private static let powers = (0...NumberFormat.longest).map { pow(10, Double($0)) }

  /// Whether some number within the bounds begins with this and one more digit, or the point for nil.
  private func canReach(appending digit: Int?) -> Bool {
    var longer = self
    if let digit { longer.append(digit) } else { longer.fractionDigits = 0 }
    let isInteger = longer.fractionDigits == nil, written = longer.integerDigits
    let shortest = isInteger ? max(written, format.integerDigits.lowerBound) : written
    let longest = isInteger ? longer.longestInteger : written
    guard shortest <= longest else { return false }
    guard let bounds = format.bounds else { return true }
    return (shortest...longest).contains { length in
      let least = longer.filled(with: 0, integerDigits: length), most = longer.filled(with: 9, integerDigits: length)
      return isNegative
        ? -most <= bounds.upperBound && -least >= bounds.lowerBound
        : least <= bounds.upperBound && most >= bounds.lowerBound
    }
  }

  /// The size of the number once the digits that are missing are all `digit`.
  private func filled(with digit: Int, integerDigits length: Int) -> Double {
    var full = self
    let missing = length - integerDigits + format.fractionDigits.upperBound - (fractionDigits ?? 0)
    for _ in 0..<max(0, missing) { full.digits = full.digits &* 10 &+ digit }
    return Double(full.digits) / Self.powers[format.fractionDigits.upperBound]
  }
}
