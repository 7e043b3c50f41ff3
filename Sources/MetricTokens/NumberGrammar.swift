// SPDX-License-Identifier: Apache-2.0
/// A number found in a text.
public struct ParsedNumber: Sendable, Hashable {
  /// Its value, sign included.
  public var value: Double
  /// Whether a minus sign is part of it.
  public var isNegative: Bool
  /// All digits 0 … 9 from the most significant, point and separators left out: 0.123 → 0, 1, 2, 3.
  public var digits: [UInt8]
  /// Power of ten of the last digit: 0.123 → −3.
  public var exponent: Int
  /// Where the number stands, sign included, in Unicode scalars of the text.
  public var range: Range<Int>
  /// Where each digit stands. Count as `digits`.
  public var offsets: [Int]

  /// Whether separators stand between groups of its digits.
  public var isGrouped: Bool {
    guard let first = offsets.first, let last = offsets.last else { return false }
    return last - first + 1 > digits.count + (exponent < 0 && -exponent < digits.count ? 1 : 0)
  }

  /// Memberwise.
  public init(value: Double, isNegative: Bool, digits: [UInt8], exponent: Int, range: Range<Int>, offsets: [Int]) {
    self.value = value
    self.isNegative = isNegative
    self.digits = digits
    self.exponent = exponent
    self.range = range
    self.offsets = offsets
  }
}

/// Grammar of numbers in a text.
///
/// Numbers are `[sign] digits [. digits]` or `[sign] . digits` in ASCII digits. Refused, whole: digits in a word
/// (`x1`, `1_00`, `0x1F`), scientific notation (`1e3`), chains of points (`1.2.3`), digits beside those of other
/// scripts. A unit may follow (`5kg`, `3%`). All offsets count Unicode scalars, as the `tokenizers` package does.
public struct NumberGrammar: Sendable, Hashable, Codable {
  /// Whether `-`, `−` or `+` before the digits is their sign. Not after a word, digit or closing bracket: `3-5`.
  public var signs: Bool
  /// Whether decimals are numbers. If not, `1.25` is passed over as a whole.
  public var decimals: Bool
  /// Which separators of groups of three digits are part of a number.
  public var thousands: Thousands

  /// Separators of groups of three digits.
  public enum Thousands: String, Sendable, Hashable, Codable, CaseIterable {
    /// As a person reads them: `1,000`, `1'000`, `1_000` and groups apart by thin or no-break spaces are one number
    /// each, lists are several: in square brackets (`[123,456]`), alone in round ones (`(123,456)`), and wherever a
    /// comma is followed by other than three digits (`12,345,6`).
    case auto
    /// None: `1,000` is two numbers.
    case never = "none"
    case comma = ","
    case apostrophe = "'"
    case space = " "
    case underscore = "_"

    /// Characters that may separate groups, all of a number the same.
    func separates(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .auto: Self.common.contains(scalar)
      case .never: false
      case .comma: scalar == ","
      case .apostrophe: scalar == "'" || scalar == "\u{2019}"
      case .space: scalar == " " || Self.spaces.contains(scalar)
      case .underscore: scalar == "_"
      }
    }

    private static let spaces: Set<Unicode.Scalar> = ["\u{A0}", "\u{2009}", "\u{202F}"]
    private static let common = spaces.union([",", "'", "\u{2019}", "_"] as [Unicode.Scalar])
  }

  /// Memberwise. The default reads `-5`, `1.25`, `(0.629, 0.805)`, `1,000`.
  public init(signs: Bool = true, decimals: Bool = true, thousands: Thousands = .auto) {
    self.signs = signs
    self.decimals = decimals
    self.thousands = thousands
  }

  /// The numbers of a text in order.
  ///
  /// - Parameter spans: where numbers may be, in Unicode scalars; nil for the whole text. Each span is read as if it
  ///   stood alone, so a number never crosses its border and what lies outside cannot change it.
  public func numbers(in text: String, within spans: [Range<Int>]? = nil) -> [ParsedNumber] {
    numbers(in: Array(text.unicodeScalars), within: spans)
  }

  /// As above, for a text already taken apart.
  package func numbers(in scalars: [Unicode.Scalar], within spans: [Range<Int>]?) -> [ParsedNumber] {
    (spans ?? [scalars.indices]).flatMap { span in
      var scanner = NumberScanner(grammar: self, scalars: scalars[span.clamped(to: scalars.indices)])
      return scanner.scan()
    }
  }
}

/// One pass over a span.
private struct NumberScanner {
  let grammar: NumberGrammar
  let scalars: ArraySlice<Unicode.Scalar>
  var at: Int
  /// Square brackets that are open before `at`.
  var brackets = 0

  init(grammar: NumberGrammar, scalars: ArraySlice<Unicode.Scalar>) {
    (self.grammar, self.scalars, self.at) = (grammar, scalars, scalars.startIndex)
  }

  private func scalar(_ index: Int) -> Unicode.Scalar? { scalars.indices.contains(index) ? scalars[index] : nil }
  private func isDigit(_ index: Int) -> Bool { scalar(index)?.isDecimalDigit ?? false }
  private func glues(_ index: Int) -> Bool { scalar(index)?.gluesToDigits ?? false }

  mutating func scan() -> [ParsedNumber] {
    var found = [ParsedNumber]()
    while at < scalars.endIndex {
      if isDigit(at) || startsWithPoint(at) {
        if let number = readNumber() { found.append(number) }
      } else {
        if scalars[at] == "[" { brackets += 1 }
        if scalars[at] == "]" { brackets = max(0, brackets - 1) }
        at += 1
      }
    }
    return found
  }

  /// `.5`, but not the points of `v.5`, `1.5` or `...5`.
  private func startsWithPoint(_ index: Int) -> Bool {
    guard grammar.decimals, scalar(index) == ".", isDigit(index + 1) else { return false }
    return !(glues(index - 1) || isDigit(index - 1) || scalar(index - 1) == ".")
  }

  /// Reads the digits at `at` and whatever belongs to them, and moves beyond. Nil if they are no number.
  private mutating func readNumber() -> ParsedNumber? {
    let start = at
    var whole = digitRun(at)
    at = whole.endIndex
    if whole.count > 0 { whole = takeThousands(after: whole) }
    var fraction = at..<at
    if scalar(at) == ".", isDigit(at + 1) {
      fraction = digitRun(at + 1)
      at = fraction.upperBound
    }
    let isChain = takeChain()
    let isWord = takeWord() || glues(start - 1)
    guard !isChain, !isWord, grammar.decimals || fraction.isEmpty else { return nil }
    return number(from: start, whole: whole, fraction: fraction)
  }

  private func digitRun(_ start: Int) -> Range<Int> {
    var end = start
    while isDigit(end) { end += 1 }
    return start..<end
  }

  /// Extends `1` to `1,024`: groups of exactly three digits, after one to three digits that do not start with 0.
  private mutating func takeThousands(after first: Range<Int>) -> Range<Int> {
    guard first.count <= 3, scalar(first.lowerBound) != "0", let separator = scalar(at),
      grammar.thousands.separates(separator)
    else { return first }
    let couldBeList = grammar.thousands == .auto && separator == ","
    // Before the groups are looked at, which for each number of a long list would take the square of its length.
    if couldBeList, goesOnList(first.lowerBound) { return first }
    var end = at
    while scalar(end) == separator, digitRun(end + 1).count == 3 { end += 4 }
    if couldBeList, isList(first.lowerBound..<end) { return first }
    at = end
    return first.lowerBound..<at
  }

  /// Whether digits apart by commas are a list, by what stands around them.
  private func isList(_ range: Range<Int>) -> Bool {
    let (start, end) = (range.lowerBound, range.upperBound)
    return scalar(end) == "," && isDigit(end + 1)
      || scalar(start - 1) == "(" && (scalar(end) == ")" || scalar(end) == ",")
  }

  /// Whether the digits at `start` stand in square brackets, or after a comma that follows digits.
  private func goesOnList(_ start: Int) -> Bool {
    brackets > 0 || scalar(start - 1) == "," && isDigit(start - 2)
  }

  /// Passes over `.3` in `1.2.3`.
  private mutating func takeChain() -> Bool {
    let start = at
    while scalar(at) == ".", isDigit(at + 1) { at = digitRun(at + 1).upperBound }
    return at > start
  }

  /// Passes over a word that follows, and says whether it makes the digits part of itself: it holds digits or an
  /// underscore, or is an exponent (`e-3`). A word of letters alone is a unit.
  private mutating func takeWord() -> Bool {
    let start = at
    while isDigit(at) || glues(at) { at += 1 }
    let word = scalars[start..<at]
    if word.contains(where: { $0.isDecimalDigit || !$0.properties.isAlphabetic }) { return true }
    guard word.count == 1, word.first == "e" || word.first == "E", scalar(at) == "-" || scalar(at) == "+" else {
      return false
    }
    let exponent = digitRun(at + 1)
    if !exponent.isEmpty { at = exponent.upperBound }
    return !exponent.isEmpty
  }

  private func number(from start: Int, whole: Range<Int>, fraction: Range<Int>) -> ParsedNumber? {
    let offsets = (Array(whole) + Array(fraction)).filter(isDigit)
    let digits = offsets.map { scalars[$0].digitValue }
    let sign = sign(before: start)
    let isNegative = sign == "-" || sign == "\u{2212}"
    var text = isNegative ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index == digits.count - fraction.count { text += index == 0 ? "0." : "." }
      text += String(digit)
    }
    guard let value = Double(text), value.isFinite else { return nil }
    let end = fraction.isEmpty ? whole.upperBound : fraction.upperBound
    return ParsedNumber(
      value: value, isNegative: isNegative, digits: digits, exponent: -fraction.count,
      range: (sign == nil ? start : start - 1)..<end, offsets: offsets)
  }

  /// The sign before a number, unless it is a hyphen or an operator between two things.
  private func sign(before start: Int) -> Unicode.Scalar? {
    guard grammar.signs, let sign = scalar(start - 1), ["-", "+", "\u{2212}"].contains(sign) else { return nil }
    guard let before = scalar(start - 2) else { return sign }
    let joins = before.isDecimalDigit || before.properties.isAlphabetic || before.gluesToDigits
    return joins || [")", "]", "}", ".", "%"].contains(before) ? nil : sign
  }
}
