// SPDX-License-Identifier: Apache-2.0
import Files

/// Text of WordPiece tokens: a space before each that does not go on with a word.
struct WordPieceDecoder: Sendable {
  private let prefix: String
  /// Whether spaces before punctuation and contractions go.
  private let cleansUp: Bool

  init(_ json: JSONReader) throws(InputError) {
    prefix = try json.string(at: "prefix")
    cleansUp = try json.bool(at: "cleanup")
  }

  func decode(_ tokens: [String]) -> [String] {
    tokens.enumerated().map { index, token in
      var text = Array(token.utf8)
      if index > 0 {
        if text.starts(with: prefix.utf8) { text.removeFirst(prefix.utf8.count) } else { text.insert(0x20, at: 0) }
      }
      return String(decoding: cleansUp ? text.cleanedUp : text, as: UTF8.self)
    }
  }
}

/// Text of tokens one for each moment of speech (connectionist temporal classification, Graves et al. 2006): repeated tokens
/// are one, padding parts them and goes.
struct CTCDecoder: Sendable {
  private let padding: [UInt8]
  private let wordDelimiter: [UInt8]
  private let cleansUp: Bool

  init(_ json: JSONReader) throws(InputError) {
    padding = try json.pattern(at: "pad_token")
    wordDelimiter = try json.pattern(at: "word_delimiter_token")
    cleansUp = try json.bool(at: "cleanup")
  }

  func decode(_ tokens: [String]) -> [String] {
    var result: [String] = []
    for (index, token) in tokens.enumerated() {
      let bytes = Array(token.utf8)
      guard index == 0 || bytes != Array(tokens[index - 1].utf8) else { continue }
      var text = bytes.replacing(padding, by: "")
      if cleansUp { text = text.cleanedUp.replacing(wordDelimiter, by: " ") }
      if !text.isEmpty { result.append(String(decoding: text, as: UTF8.self)) }
    }
    return result
  }
}

extension JSONReader {
  /// A string to look for, which cannot be empty.
  func pattern(at key: String) throws(InputError) -> [UInt8] {
    let json = try at(key)
    guard case let text = try json.string(), !text.isEmpty else {
      throw json.error(expected: "a string that is not empty")
    }
    return Array(text.utf8)
  }
}

extension [UInt8] {
  /// The bytes with every occurrence of others replaced, from the left.
  func replacing(_ pattern: [UInt8], by content: String) -> [UInt8] {
    var result: [UInt8] = []
    var position = 0
    while position < count {
      if self[position] == pattern[0], self[position...].starts(with: pattern) {
        result.append(contentsOf: content.utf8)
        position += pattern.count
      } else {
        result.append(self[position])
        position += 1
      }
    }
    return result
  }

  /// English with the spaces gone that tokens left, as the `tokenizers` package does it, one change after the other.
  fileprivate var cleanedUp: [UInt8] {
    guard contains(0x20) else { return self }
    return Self.changes.reduce(self) { $0.replacing($1.from, by: $1.to) }
  }

  private static let changes: [(from: [UInt8], to: String)] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Array($0.utf8), $1) }
}
