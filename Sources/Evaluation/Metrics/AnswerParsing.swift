// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// The numbers that an answer in words gives.
public struct AnswerParser: Sendable, Hashable, Codable {
  /// Grammar of numbers.
  public var grammar: NumberGrammar
  /// How many numbers make an answer: 1 for a value, 4 for a box.
  public var count: Int

  /// Memberwise.
  public init(grammar: NumberGrammar = NumberGrammar(), count: Int = 1) {
    precondition(count > 0, "an answer of \(count) numbers")
    self.grammar = grammar
    self.count = count
  }

  /// The first numbers of a text; what follows them does not matter. Nil if there are too few.
  ///
  /// ASCII digits with a point, whatever the locale. `nan`, `inf` and `1e9` are no numbers, nor is one too large for a
  /// double.
  public func callAsFunction(_ text: String) -> [Double]? {
    let numbers = grammar.numbers(in: text)
    return numbers.count < count ? nil : numbers.prefix(count).map(\.value)
  }
}

/// The first number of a text by a grammar, nil if there is none; see ``AnswerParser``.
public func parseNumber(in text: String, grammar: NumberGrammar = NumberGrammar()) -> Double? {
  AnswerParser(grammar: grammar)(text)?.first
}
