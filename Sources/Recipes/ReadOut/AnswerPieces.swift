// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Reports
import TokenData

extension AnswerFormat {
  /// How numbers stand that the tokenizer cuts into tokens of several digits.
  struct Pieces: Codable, Sendable, Hashable {
    var values: ValueFormat
    /// What they stand after, as far as it changes their tokens.
    var context: NumberContext
    /// Tokens that may follow a number.
    var ends: [Int32]

    /// The ways to write the numbers.
    ///
    /// - Throws: `TokenSpaceError` if there are too many.
    func space(_ tokens: TokenSpace, _ tokenizer: Tokenizer) throws -> AnswerSpace {
      let trie = try ProgressBar.quick("writing numbers", unit: "number", terminal: .standardError) { progress in
        try NumberTrie(values, over: tokens, in: context, of: tokenizer, progress: progress)
      }
      return try .numbers(trie, ends: ends)
    }
  }
}

extension AnswerFormat.Pieces {
  /// As the numbers of training answers stand. What is left of these are the ones that stand so, with heads that end where
  /// their tokens begin.
  ///
  /// - Throws: `InputError` if numbers have no format.
  init(
    _ artifacts: RunArtifacts, _ rule: MetricRule, _ metric: Int, _ source: DataSource,
    _ written: inout [(line: Int, number: WrittenNumber)]
  ) throws {
    let settings = artifacts.settings.metrics[metric]
    values =
      try settings.whole.format
      ?? FormatLearner(reader: artifacts.reader, source: source).format(of: rule, metric: settings.name).format
    var groups = [NumberContext: [(line: Int, number: WrittenNumber)]]()
    let contexts = NumberContext.all(values, artifacts.tokenizer)
    for (line, number) in written where values.index(of: number.text) != nil {
      // The longest way: a space of its own is one of the number's tokens where `-5` has another.
      let ways = contexts.compactMap { context in
        number.beginning(with: context.tokens(of: number.text, artifacts.tokenizer)).map { (context, $0) }
      }
      guard let way = ways.min(by: { $0.1.head.count < $1.1.head.count }) else { continue }
      groups[way.0, default: []].append((line, way.1))
    }
    let most = groups.max { ($0.value.count, $1.key.text) < ($1.value.count, $0.key.text) }
    context = most?.key ?? NumberContext.all(values, artifacts.tokenizer).first ?? .start
    written = most?.value ?? []
    ends = []
  }

  /// What may follow numbers: what does in the answers, and what ends any answer.
  func ends(after numbers: [WrittenNumber], _ tokens: TokenSpace, _ artifacts: RunArtifacts) -> [Int32] {
    let after = numbers.compactMap { $0.ids.count > $0.count ? $0.ids[$0.count] : nil }
    return Set(artifacts.encoder.ends.starts(artifacts.tokenizer) + after).filter { tokens.candidate(of: $0) == nil }
      .sorted()
  }

  /// As settings say it.
  ///
  /// - Throws: `InputError` for numbers of too many digits, or that the tokenizer does not write.
  init(_ settings: NumberSettings, _ tokenizer: Tokenizer, ends: [Int32], _ path: String) throws {
    func refusal(_ expected: String, _ found: String) -> InputError {
      InputError(path: path, place: "key evaluate.number", expected: expected, found: found)
    }
    let decimals = settings.decimals.upperBound, digits = settings.digits.upperBound
    guard digits + decimals <= ValueFormat.largestDigits else {
      throw refusal("at most \(ValueFormat.largestDigits) digits in all", "\(digits + decimals)")
    }
    let most = (0..<digits + decimals).reduce(1) { power, _ in power * 10 } - 1
    do {
      var format = try ValueFormat(
        indices: (settings.isSigned ? -most : 0)...most, decimals: decimals, isTrimmed: settings.decimals.count > 1,
        integerDigits: settings.isPadded ? max(1, digits) : 1)
      if let range = settings.range, let low = format.index(nearest: range.lowerBound),
        let high = format.index(nearest: range.upperBound), format.indices.overlaps(low...high)
      {
        format.indices = format.indices.clamped(to: low...high)
      }
      values = format
    } catch { throw refusal("numbers that can be read out", "\(error)") }
    let contexts = NumberContext.all(values, tokenizer), isSpaced = settings.before.hasSuffix(" ")
    guard let context = contexts.first(where: { $0.isSpaced == isSpaced }) ?? contexts.first else {
      throw refusal("numbers that the tokenizer writes apart from what stands before them", "none")
    }
    (self.context, self.ends) = (context, ends)
  }
}

extension WrittenNumber {
  /// The same with a head that ends where some tokens begin; nil if the number does not end with these.
  fileprivate func beginning(with tokens: [Int32]?) -> WrittenNumber? {
    let all = head + ids[..<count]
    // A space may be one of the number's tokens, or of what stands before.
    guard let tokens, abs(tokens.count - count) <= 1, Array(all.suffix(tokens.count)) == tokens else { return nil }
    var number = self
    number.head = Array(all.dropLast(tokens.count))
    number.ids = tokens + ids[count...]
    number.count = tokens.count
    return number
  }
}

extension TokenSpace {
  /// Whether numbers can be read out of its tokens: they have values, or are parts of numbers.
  var writesNumbers: Bool { values != nil || unit == .piece }
}

extension ExampleEncoder {
  /// The numbers of a format as the tokenizer writes them.
  ///
  /// - Throws: `TokenSpaceError` if it does not, or there are too many.
  func tries(_ format: ValueFormat, over space: TokenSpace) throws -> [NumberTrie] {
    guard splitter == nil else {
      throw TokenSpaceError(
        space: space.name, problem: "tokens of several digits, while data.splitDigits cuts them into digits",
        remedy: "Leave out data.splitDigits, or take tokens: digits.")
    }
    return try ProgressBar.quick("writing numbers", unit: "number", terminal: .standardError) { progress in
      try NumberTrie.all(format, over: space, of: tokenizer, progress: progress)
    }
  }
}
