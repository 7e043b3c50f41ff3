// SPDX-License-Identifier: Apache-2.0
/// Why token sequences cannot be decoded or scored.
///
/// Prompts are named by their index among those given: the caller knows the file and line each came from.
public enum DecodingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A sequence without tokens: nothing predicts its first one.
  case empty(index: Int)
  /// A sequence that leaves no room in the model's context.
  case tooLong(index: Int, length: Int, limit: Int)
  /// A token id the model does not have.
  case unknownToken(index: Int, id: Int32, vocabularySize: Int)
  /// The model (or a logits hook) gave no finite score to any token.
  case notFinite(index: Int, step: Int)
  /// Settings out of range; the text names the setting, what was expected and what was found.
  case badSetting(String)

  /// One line: what is wrong, and what to do.
  public var description: String {
    switch self {
    case .empty(let index):
      "prompt \(index): expected at least one token, found none. Start it with the tokenizer's begin token."
    case .tooLong(let index, let length, let limit):
      "prompt \(index): expected at most \(limit) tokens, found \(length). Shorten it; the model's context holds no more."
    case .unknownToken(let index, let id, let vocabularySize):
      "prompt \(index): expected token ids below \(vocabularySize), found \(id). Use the model's own tokenizer."
    case .notFinite(let index, let step):
      "prompt \(index): the model gives no finite score at token \(step). Its weights hold NaN or infinite numbers, or overflow: dist2 export names the tensor."
    case .badSetting(let problem): problem + "."
    }
  }
}
