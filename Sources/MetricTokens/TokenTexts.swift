// SPDX-License-Identifier: Apache-2.0
/// Which token a text means, where a vocabulary may hold several that decode to it.
///
/// Byte fallback gives Llama-2 both `5` and `<0x35>`; the one that counts is the one the tokenizer writes.
struct TokenTexts {
  private var tokens: [String: [Int32]] = [:]
  private let vocabulary: any TokenVocabulary

  /// Looks up these texts in one pass over the vocabulary.
  init(_ texts: [String], in vocabulary: any TokenVocabulary) {
    self.vocabulary = vocabulary
    let wanted = Set(texts)
    for id in 0..<Int32(vocabulary.count) {
      if let text = vocabulary.text(of: id), wanted.contains(text) { tokens[text, default: []].append(id) }
    }
    // Special tokens decode to no text, but their own name is encoded as that one token.
    for text in wanted where tokens[text] == nil {
      let ids = vocabulary.ids(of: text)
      if ids.count == 1 { tokens[text] = ids }
    }
  }

  /// The token with this text: the one that the tokenizer writes if there are several, else the first.
  func existing(_ text: String) -> Int32? {
    guard let ids = tokens[text] else { return nil }
    return ids.count == 1 ? ids[0] : written(text) ?? ids[0]
  }

  /// The token with this text that the tokenizer really writes, alone or after something else.
  func written(_ text: String) -> Int32? {
    guard let ids = tokens[text] else { return nil }
    for before in ["", "a", "(", " ", "a ", ": "] {
      if let id = vocabulary.ids(of: before + text).first(where: ids.contains) { return id }
    }
    return nil
  }
}
