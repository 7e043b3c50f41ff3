// SPDX-License-Identifier: Apache-2.0
/// Ends of an answer: tokens and, where a mark is spelled in pieces, texts.
///
/// One value for all that must agree on it: generation stops there, read-outs take a number to be over there, and a
/// model that is written out names these tokens for other programs.
public struct AnswerEnds: Sendable, Hashable {
  /// Tokens: the marks of the chat template, then the tokenizer's end token and those of `generation_config.json` and
  /// `config.json`. Each once.
  public private(set) var ids: [Int32] = []
  /// Marks of the template that are no tokens of the tokenizer. An answer ends before such a text.
  public private(set) var texts: [String] = []

  /// - Parameter template: how conversations are written; nil: no template ends an answer.
  public init(_ tokenizer: Tokenizer, template: ChatTemplate?) {
    for mark in template?.ends(TemplateTokens(tokenizer)) ?? [] {
      if let id = tokenizer.id(ofMark: mark) { add(id) } else { texts.append(mark) }
    }
    tokenizer.roles.end.map { add($0) }
    for id in tokenizer.roles.ends { add(id) }
  }

  private mutating func add(_ id: Int32) {
    if !ids.contains(id) { ids.append(id) }
  }

  /// Whether the last of these tokens completes one of ``texts``.
  public func isReached(by ids: [Int32], _ tokenizer: Tokenizer) -> Bool {
    texts.contains { text in
      // A token is at least a byte of text; the last may hold more than the mark's end.
      tokenizer.decode(ids.suffix(text.utf8.count + 1), skipSpecialTokens: false).contains(text)
    }
  }

  /// A decoded answer without the first of ``texts`` and what follows it.
  public func cutting(_ answer: String) -> String {
    let first = texts.compactMap { answer.firstRange(of: $0)?.lowerBound }.min()
    return first.map { String(answer[..<$0]) } ?? answer
  }

  /// Tokens that begin an end right after a digit: ``ids``, and the first piece of each of ``texts``.
  public func starts(_ tokenizer: Tokenizer) -> [Int32] {
    let pieces = texts.compactMap { text -> Int32? in
      let ids = tokenizer.ids(of: "0" + text), digit = tokenizer.ids(of: "0")
      return ids.starts(with: digit) ? ids.dropFirst(digit.count).first : nil
    }
    return Set(ids + pieces).sorted()
  }
}
