// SPDX-License-Identifier: Apache-2.0
/// How a number is written: zeros in front up to a width, and digits behind the point. `05`, `.2f`, `07.2f`, as Python
/// formats a `decimal.Decimal`.
public struct NumberForm: Sendable, Hashable {
  /// Fewest characters, sign and point included; zeros stand in front. 0: as many as there are.
  public var width: Int
  /// Digits behind the point, rounded half to even; nil: as the number has them.
  public var decimals: Int?

  /// Memberwise.
  public init(width: Int = 0, decimals: Int? = nil) { (self.width, self.decimals) = (width, decimals) }

  /// Largest width and number of decimals.
  private static let most = 64

  /// Reads `05`, `.2f` or `07.2f`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard let match = String(text).wholeMatch(of: #/(?:0([0-9]{1,2}))?(?:\.([0-9]{1,2})f)?/#), !text.isEmpty else {
      return nil
    }
    let width = match.1.flatMap { Int($0) } ?? 0, decimals = match.2.flatMap { Int($0) }
    guard width <= Self.most, decimals ?? 0 <= Self.most else { return nil }
    self.init(width: width, decimals: decimals)
  }

  /// As it is read.
  public var text: String {
    (width > 0 ? "0\(width)" : "") + (decimals.map { ".\($0)f" } ?? "")
  }

  /// A number written so; nil for text that is none.
  public func write(_ text: String) -> String? { DecimalNumber(text).map(write) }

  /// A number written so.
  func write(_ number: DecimalNumber) -> String {
    let number = decimals.map(number.rounded) ?? number
    let digits = number.fraction.isEmpty ? number.whole : number.whole + "." + number.fraction
    let sign = number.isNegative ? "-" : ""
    return sign + String(repeating: "0", count: max(0, width - sign.count - digits.count)) + digits
  }
}

/// A decimal number, exactly as it is written: no digit is lost.
public struct DecimalNumber: Sendable, Hashable {
  /// Below zero.
  public var isNegative: Bool
  /// Digits before the point, without zeros in front: at least one.
  public var whole: String
  /// Digits behind it.
  public var fraction: String

  /// Reads a number with point and exponent, as JSON and tables have them; nil for anything else, and for exponents beyond
  /// 400.
  public init?(_ text: String) {
    // Cell by cell of a table: a regular expression takes a hundred times as long.
    var rest = Array(text.withoutOuterSpace.utf8)[...]
    func takeSign() -> Bool {
      guard let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") else { return false }
      rest.removeFirst()
      return first == UInt8(ascii: "-")
    }
    func takeDigits() -> String {
      let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
      rest.removeFirst(digits.count)
      return String(decoding: digits, as: UTF8.self)
    }
    let isNegative = takeSign(), before = takeDigits()
    var behind = "", exponent = 0
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      behind = takeDigits()
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      let isBelow = takeSign(), power = takeDigits()
      guard power.utf8.count <= 4, let size = Int(power) else { return nil }  // bounded: at most four digits
      exponent = isBelow ? -size : size
    }
    guard rest.isEmpty, !(before.isEmpty && behind.isEmpty), abs(exponent) <= 400 else { return nil }
    var digits = before + behind, point = before.count + exponent
    if point < 0 {
      digits = String(repeating: "0", count: -point) + digits
      point = 0
    }
    if point > digits.count { digits += String(repeating: "0", count: point - digits.count) }
    self.init(
      isNegative: isNegative, String(digits.prefix(point)), String(digits.dropFirst(point)))
  }

  private init(isNegative: Bool, _ whole: String, _ fraction: String) {
    let kept = whole.drop { $0 == "0" }
    self.whole = kept.isEmpty ? "0" : String(kept)
    self.fraction = fraction
    // Zero has no sign.
    self.isNegative = isNegative && (whole + fraction).contains { $0 != "0" }
  }

  /// The nearest number with so many digits behind the point, of two the one whose last digit is even.
  public func rounded(_ decimals: Int) -> DecimalNumber {
    guard fraction.count > decimals else {
      return DecimalNumber(
        isNegative: isNegative, whole, fraction + String(repeating: "0", count: decimals - fraction.count))
    }
    var digits = (whole + fraction.prefix(decimals)).utf8.map { $0 - 0x30 }
    let rest = fraction.utf8.dropFirst(decimals).map { $0 - 0x30 }
    let isHalf = rest[0] == 5 && rest.dropFirst().allSatisfy { $0 == 0 }
    let isOdd = (digits.last ?? 0) % 2 == 1
    if isHalf ? isOdd : rest[0] >= 5 {
      var at = digits.count - 1
      while at >= 0, digits[at] == 9 {
        digits[at] = 0
        at -= 1
      }
      if at >= 0 { digits[at] += 1 } else { digits.insert(1, at: 0) }
    }
    let text = String(decoding: digits.map { $0 + 0x30 }, as: UTF8.self)
    return DecimalNumber(
      isNegative: isNegative, String(text.dropLast(decimals)), String(text.suffix(decimals)))
  }

  /// The number, as near as a double comes.
  public var value: Double { Double("\(isNegative ? "-" : "")\(whole).\(fraction.isEmpty ? "0" : fraction)") ?? .nan }
}
