// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import TokenData

/// How numbers are written, for models without training answers to learn it from: `evaluate.number`.
public struct NumberSettings: Sendable, Hashable {
  /// Digits before and behind the point.
  public var digits: ClosedRange<Int>, decimals: ClosedRange<Int>
  /// Whether shorter numbers are filled up with zeros.
  public var isPadded: Bool
  /// Whether numbers may be negative.
  public var isSigned: Bool
  /// Least and greatest number that is read out; nil: all that these digits write.
  public var range: ClosedRange<Double>?
  /// Text between prompt and number.
  public var before: String

  /// Memberwise; the defaults are the run file's.
  public init(
    digits: ClosedRange<Int> = 1...1, decimals: ClosedRange<Int> = 0...0, isPadded: Bool = false,
    isSigned: Bool = false,
    range: ClosedRange<Double>? = nil, before: String = ""
  ) {
    (self.digits, self.decimals, self.isPadded, self.isSigned) = (digits, decimals, isPadded, isSigned)
    (self.range, self.before) = (range, before)
  }
}

extension NumberSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    let isCount = { (range: ClosedRange<Int>) in range.lowerBound >= 0 && range.upperBound <= NumberFormat.longest }
    let expected = "[least, most], from 0 to \(NumberFormat.longest)"
    try keys.value("digits", &digits, expected, where: isCount)
    try keys.value("decimals", &decimals, expected, where: isCount)
    try keys.value("padded", &isPadded)
    try keys.value("signed", &isSigned)
    try keys.value("range", &range, "[least, greatest], finite") {
      $0.lowerBound.isFinite && $0.upperBound.isFinite
    }
    try keys.value("before", &before)
  }
}

extension AnswerFormat {
  /// As settings say it.
  ///
  /// - Parameter ends: tokens that end an answer.
  /// - Throws: `InputError` if the tokenizer has no token for a sign or a point.
  init(
    _ settings: NumberSettings, metric: String, tokens: TokenSpace, _ tokenizer: Tokenizer, ends: [Int32],
    _ path: String
  ) throws {
    // After a digit, since many tokenizers put a space in front of whatever they are given.
    func token(_ text: String) throws -> Int32 {
      let ids = tokenizer.ids(of: "0" + text)
      guard ids.count == 2 else {
        throw InputError(
          path: path, place: "key evaluate.number", expected: "a token for \"\(text)\"", found: "\(ids.count - 1)",
          remedy: "Numbers with it cannot be read out with this tokenizer.")
      }
      return ids[1]
    }
    let before = settings.before.isEmpty ? [] : tokenizer.ids(of: settings.before)
    var heads = [Head(ids: before, isNegative: false)]
    if settings.isSigned, tokens.unit != .piece { heads.append(Head(ids: before + [try token("-")], isNegative: true)) }
    self.init(
      metric: metric, heads: heads, digits: nil, answers: 0, written: 0,
      range: settings.range.map { [$0.lowerBound, $0.upperBound] })
    if tokens.unit == .piece {
      let pieces = try Pieces(settings, tokenizer, ends: ends.filter { tokens.candidate(of: $0) == nil }, path)
      self.pieces = pieces
      // A space that belongs to the number's first token is none of the text before it.
      let text = pieces.context.isSpaced ? String(settings.before.dropLast()) : settings.before
      heads = [Head(ids: text.isEmpty ? [] : tokenizer.ids(of: text), isNegative: false)]
    }
    guard tokens.unit == .digit else { return }
    digits = Digits(
      integer: [settings.digits.lowerBound, settings.digits.upperBound],
      fraction: [settings.decimals.lowerBound, settings.decimals.upperBound],
      leadingZeros: settings.isPadded ? .padding : .none,
      point: settings.decimals.upperBound > 0 ? try token(".") : nil,
      ends: ends)
  }
}
