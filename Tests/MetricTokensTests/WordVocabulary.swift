// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// A tokenizer for tests: a list of texts, encoded by the longest match from the left.
struct WordVocabulary: TokenVocabulary {
  var texts: [String?]
  /// Texts that exist but are never written, like byte fallback tokens.
  var silent: Set<Int32> = []
  /// Names of tokens without text.
  var special: [String: Int32] = [:]

  init(_ texts: [String?]) { self.texts = texts }

  var count: Int { texts.count }
  func text(of id: Int32) -> String? { texts.indices.contains(Int(id)) ? texts[Int(id)] : nil }

  func ids(of text: String) -> [Int32] {
    if let id = special[text] { return [id] }
    var rest = Substring(text), ids = [Int32]()
    while !rest.isEmpty {
      let matches = texts.indices.filter { index in
        guard let text = texts[index], !silent.contains(Int32(index)) else { return false }
        return rest.hasPrefix(text)
      }
      guard let best = matches.max(by: { texts[$0]!.count < texts[$1]!.count }) else {
        rest = rest.dropFirst()
        continue
      }
      ids.append(Int32(best))
      rest = rest.dropFirst(texts[best]!.count)
    }
    return ids
  }

  /// Tokens and their offsets.
  func pieces(_ text: String) -> [TokenPiece] {
    var at = 0
    return ids(of: text).map { id in
      let length = texts[Int(id)]!.unicodeScalars.count
      defer { at += length }
      return TokenPiece(id: id, range: at..<at + length)
    }
  }

  static let marks: [String?] = [" ", ".", ",", "(", ")", "-", "=", "<b>", "</b>", "Step", "a", "x", ":", "\n", nil]
  static let digits: [String?] = (0...9).map { String($0) }
  /// SmolLM2, Llama-2: every digit by itself.
  static let digitwise = WordVocabulary(marks + digits)
  /// Llama-3: up to three digits in one token, leading zeros and all.
  static let grouped = WordVocabulary(
    marks + digits + (0...99).map { ($0 < 10 ? "0" : "") + String($0) }
      + (0...999).map { String(String($0 + 1000).dropFirst()) })
  /// GPT-2: numbers with and without a leading space.
  static let spaced = WordVocabulary(marks + digits + (0...20).map { " \($0)" } + (10...20).map { String($0) })
}
