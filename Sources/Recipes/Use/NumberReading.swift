import Evaluation
import Files
import MetricTokens
import TokenData

/// The ways a model may write the number that an answer begins with, for reading out its distribution.
struct NumberReading {
  let space: AnswerSpace

  /// From the run's first metric with values, and from how numbers are written in right answers.
  ///
  /// - Throws: `InputError` if no metric has values, or answers do not begin with a number.
  init(_ parts: RunParts, references: [String]) throws {
    let rules = parts.encoder.metrics
    guard let rule = rules.first(where: { $0.finder.space.values != nil }) else {
      throw InputError(
        path: parts.settings.path, place: "key metrics", expected: "a metric whose tokens have values",
        found: "none", remedy: "Without one there is no distribution to read out: evaluate.distribution: false.")
    }
    guard rule.finder.space.unit == .digit else {
      space = try .tokens(of: rule.finder.space)
      return
    }
    let numbers = references.compactMap { text in
      rule.finder.grammar.numbers(in: text).first.flatMap { $0.range.lowerBound == 0 ? $0 : nil }
    }
    guard !numbers.isEmpty else {
      throw InputError(
        path: parts.settings.path, place: "key evaluate.distribution",
        expected: "answers that begin with a number", found: "none among \(references.count)",
        remedy: "The distribution is read out where the answer starts; set it to false for other answers.")
    }
    if let grouped = numbers.first(where: \.isGrouped) {
      throw InputError(
        path: parts.settings.path, place: "key evaluate.distribution", expected: "numbers without groups of digits",
        found: "\(grouped.value) written in groups", remedy: "Write them without, 1000 for 1,000, or set it to false.")
    }
    let fractions = numbers.map { max(0, -$0.exponent) },
      integers = numbers.map { $0.digits.count - max(0, -$0.exponent) }
    let tokenizer = parts.tokenizer
    func token(_ text: String) -> Int32? {
      let ids = tokenizer.ids(of: "0" + text)
      return ids.count == 2 ? ids[1] : nil
    }
    let minus = numbers.contains(where: \.isNegative) ? tokenizer.ids(of: "-").first : nil
    space = try .numbers(
      NumberFormat(
        digits: rule.finder.space, integerDigits: 1...(integers.max() ?? 1),
        fractionDigits: (fractions.min() ?? 0)...(fractions.max() ?? 0), point: token("."), minus: minus,
        ends: Array(Set(tokenizer.roles.ends + [tokenizer.roles.end].compactMap { $0 })).sorted()))
  }
}
