// SPDX-License-Identifier: Apache-2.0
/// Text from tokens as they come, whole characters only.
///
///     var stream = StreamingDecoder(tokenizer)
///     for id in generated { print(stream.append(id), terminator: "") }
///     print(stream.finish())
///
/// The pieces together are `decode` of all ids, unless a run of byte tokens turns out not to be UTF-8 after part of it
/// has been given out as text.
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipSpecialTokens: Bool
  // Decoders look at their neighbours (the first token loses its space), so the tokens of the last piece stay as
  // context.
  private var ids: [Int32] = []
  private var contextCount = 0
  private var contextLength = 0  // UTF-8 length of the context's text, which has been given out

  /// A decoder at the beginning of a text.
  public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skipSpecialTokens = skipSpecialTokens
  }

  /// The text that `id` completes; empty while a character is incomplete.
  public mutating func append(_ id: Int32) -> String {
    ids.append(id)
    let text = tokenizer.decode(ids, skipSpecialTokens: skipSpecialTokens)
    guard text.unicodeScalars.last != "\u{FFFD}", text.utf8.count > contextLength else { return "" }
    let piece = String(decoding: text.utf8.dropFirst(contextLength), as: UTF8.self)
    ids.removeFirst(contextCount)
    contextCount = ids.count
    contextLength = tokenizer.decode(ids, skipSpecialTokens: skipSpecialTokens).utf8.count
    return piece
  }

  /// Rest at the end: bytes that never became a character, each run as `�`.
  public mutating func finish() -> String {
    let text = tokenizer.decode(ids, skipSpecialTokens: skipSpecialTokens)
    defer { (ids, contextCount, contextLength) = ([], 0, 0) }
    return String(decoding: text.utf8.dropFirst(contextLength), as: UTF8.self)
  }
}
