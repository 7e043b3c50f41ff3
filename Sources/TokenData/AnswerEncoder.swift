public import MetricTokens

/// Turns a prompt and its answer into an `EncodedExample`: the answer is learnt, the prompt is read.
public struct AnswerEncoder: Sendable {
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// What carries a distance in the answer, one a metric.
  public var finders: [MetricFinder]
  /// Rewrites the answer's digits as tokens of their own (PAPER.md Q9); nil leaves the tokenizer's.
  public var splitter: DigitSplitter?
  /// A token that ends every answer and is learnt with it; nil for none.
  public var end: Int32?

  /// Memberwise.
  public init(_ tokenizer: Tokenizer, finders: [MetricFinder], splitter: DigitSplitter? = nil, end: Int32?) {
    self.tokenizer = tokenizer
    self.finders = finders
    self.splitter = splitter
    self.end = end
  }

  /// The ids a model is given to continue.
  public func prompt(_ text: String) -> [Int32] { tokens(of: text).map(\.id) }

  /// Prompt and answer.
  ///
  /// Training must see what generation will: the prompt's tokens alone, then the answer's. They are cut together where
  /// that gives the same tokens for the prompt, else apart.
  ///
  /// - Parameter source: name of the example in errors and events.
  public func encode(prompt: String, answer: String, source: String = "") -> EncodedExample {
    let promptLength = prompt.unicodeScalars.count
    let before = tokens(of: prompt)
    let together = tokens(of: prompt + answer)
    var pieces =
      together.count >= before.count && zip(together, before).allSatisfy { $0.id == $1.id }
      ? together
      : before
        + tokenizer.encode(answer, addSpecialTokens: false).pieces.map {
          TokenPiece(id: $0.id, range: $0.range.lowerBound + promptLength..<$0.range.upperBound + promptLength)
        }
    let answerSpan = promptLength..<promptLength + answer.unicodeScalars.count
    if let splitter { pieces = pieces[..<before.count] + splitter.split(Array(pieces[before.count...])) }
    var metrics = [MetricPosition](), numbers = 0
    for finder in finders {
      let found = finder.find(in: pieces, text: prompt + answer, within: [answerSpan], firstNumber: numbers)
      metrics += found.flatMap(\.positions)
      numbers += found.count
    }
    let ids = pieces.map(\.id) + (end.map { [$0] } ?? [])
    return EncodedExample(
      ids: ids, supervised: ids.indices.map { $0 >= before.count },
      metrics: metrics.sorted { $0.position < $1.position },
      source: source)
  }

  /// Tokens of a text with what the post-processor puts in front, but not what it puts behind: the text goes on.
  private func tokens(of text: String) -> [TokenPiece] {
    let encoding = tokenizer.encode(text)
    return Array(encoding.pieces[..<encoding.body.upperBound])
  }
}

extension Encoding {
  /// Ids with the characters they cover.
  fileprivate var pieces: [TokenPiece] { zip(ids, offsets).map { TokenPiece(id: $0, range: $1) } }
}
