// SPDX-License-Identifier: Apache-2.0
/// Vocabulary of a tokenizer as a token space needs it. `Tokenizer` in TokenData conforms.
public protocol TokenVocabulary {
  /// Number of ids, 0 ..< count (added tokens included).
  var count: Int { get }
  /// The text a token stands for when decoded in the middle of a sentence: `Ġ5` and `▁5` give `" 5"`.
  /// Nil for an id out of range, for special tokens and for lone bytes that are not text.
  func text(of id: Int32) -> String?
  /// Ids of `text` without special tokens.
  func ids(of text: String) -> [Int32]
}
