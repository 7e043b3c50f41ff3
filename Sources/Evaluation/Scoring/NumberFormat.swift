import Foundation
public import MetricTokens

/// How numbers are written digit by digit: `0.123`, `-45`, `1023`.
///
/// Leading zeros are not written. A number that may go on (`1` of `10`) must be followed by one of `ends`; one that has
/// all its digits ends by itself.
public struct NumberFormat: Sendable, Hashable {
  /// The ten digits.
  public var digits: TokenSpace
  /// How many digits stand before the point.
  public var integerDigits: ClosedRange<Int>
  /// How many digits stand behind it; `0...0` for integers.
  public var fractionDigits: ClosedRange<Int>
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
    point: Int32? = nil, minus: Int32? = nil, ends: [Int32] = [], bounds: ClosedRange<Double>? = nil
  ) {
    self.digits = digits
    self.integerDigits = integerDigits
    self.fractionDigits = fractionDigits
    self.point = point
    self.minus = minus
    self.ends = ends
    self.bounds = bounds
  }
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
      format.integerDigits.lowerBound >= 1 && format.fractionDigits.lowerBound >= 0
        && format.integerDigits.upperBound + format.fractionDigits.upperBound <= 15,
      "expected 1 to 15 digits, at least one of them before the point")
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
    if hasEnded || (isWhole && !mayGoOn) { return .value(value) }
    var tokens = mayTakeDigit ? (0...9).filter { canReach(appending: $0) }.compactMap(token) : []
    if integer.isEmpty {
      if let minus = format.minus, !isNegative, (format.bounds?.lowerBound ?? -1) < 0 { tokens.append(minus) }
      return .tokens(tokens)
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
    return integer.count < format.integerDigits.upperBound && integer != [0]
  }

  private var mayTakePoint: Bool {
    fraction == nil && format.integerDigits.contains(integer.count) && format.fractionDigits.upperBound > 0
  }

  private var mayGoOn: Bool { mayTakeDigit || mayTakePoint }

  /// Whether the number may end here.
  private var isWhole: Bool {
    let written = fraction?.count ?? 0
    return format.integerDigits.contains(integer.count) && format.fractionDigits.contains(written)
      && (fraction == nil || written > 0)
  }

  private var value: Double { (isNegative ? -1 : 1) * Self.read(integer, fraction ?? []) }

  private static func read(_ integer: [Int], _ fraction: [Int]) -> Double {
    // Read as text, so that 0.123 is the double nearest to 0.123 and not a sum of rounded tenths.
    Double(integer.map(String.init).joined() + "." + (fraction + [0]).map(String.init).joined()) ?? .nan
  }

  /// Whether some number within the bounds begins with this and one more digit, or the point for nil.
  private func canReach(appending digit: Int?) -> Bool {
    var longer = self
    if let digit, fraction != nil { longer.fraction?.append(digit) } else if let digit { longer.integer.append(digit) }
    if digit == nil { longer.fraction = [] }
    let isZero = longer.integer == [0]
    if isZero && format.integerDigits.lowerBound > 1 { return false }
    guard let bounds = format.bounds else { return true }
    let least = longer.filled(with: 0, integerDigits: format.integerDigits.lowerBound)
    let most = longer.filled(with: 9, integerDigits: isZero ? 1 : format.integerDigits.upperBound)
    return isNegative
      ? -most <= bounds.upperBound && -least >= bounds.lowerBound
      : least <= bounds.upperBound && most >= bounds.lowerBound
  }

  /// The size of the number once the digits that are missing are all `digit`.
  private func filled(with digit: Int, integerDigits: Int) -> Double {
    let missing = fraction == nil ? max(0, integerDigits - integer.count) : 0
    let written = fraction ?? []
    return Self.read(
      integer + [Int](repeating: digit, count: missing),
      written + [Int](repeating: digit, count: format.fractionDigits.upperBound - written.count))
  }
}
