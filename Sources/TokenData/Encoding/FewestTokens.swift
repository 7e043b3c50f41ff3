extension ExampleEncoder {
  /// The fewest tokens that a record's texts can have, known before memory is taken for each of millions; nil for texts
  /// of a mebibyte or less, which are soon encoded, and for tokenizers whose tokens have no longest.
  public func fewestTokens(of record: Record) -> Int? {
    guard let bound = tokenizer.textBound else { return nil }
    let texts: [String] =
      switch record.content {
      case .promptCompletion(let prompt, let answer): [prompt, answer ?? ""]
      case .text(let text): [text]
      case .messages(let messages): messages.map(\.content)
      }
    guard texts.reduce(0, { $0 + $1.utf8.count }) > 1 << 20 else { return nil }
    return texts.reduce(0) { $0 + bound.fewestTokens(of: $1) }
  }
}
