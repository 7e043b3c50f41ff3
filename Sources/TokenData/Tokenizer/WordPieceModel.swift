// SPDX-License-Identifier: Apache-2.0
import Files

/// BERT's model: a word is cut from the left into the longest tokens there are, of which all but the first are written with
/// a prefix (`##`) in the vocabulary (Schuster and Nakajima 2012; Wu et al. 2016). A word that cannot be cut to its end is
/// one unknown token.
struct WordPieceModel: WordModel {
  let vocabulary: Vocabulary
  private let unknown: Int32
  private let trie: ByteTrie
  /// Node of the trie below which the tokens are that go on with a word; nil if there are none.
  private let continuation: Int?
  /// Longer words are unknown.
  private let longestWord: Int

  init(_ json: JSONReader) throws(InputError) {
    vocabulary = try Vocabulary(try json.at("vocab"))
    unknown = try json.unknownToken(vocabulary)
    let length = try json.at("max_input_chars_per_word")
    longestWord = try length.int()
    guard longestWord >= 0 else { throw length.error(expected: "a number of characters, from 0") }
    trie = ByteTrie(vocabulary)
    continuation = trie.node(Array(try json.string(at: "continuing_subword_prefix").utf8))
  }

  func cut(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    let first = workspace.tokens.count
    var position = isLong(word) ? nil : Optional(0)
    while let start = position, start < word.count {
      var node = start == 0 ? ByteTrie.root : continuation
      var end = start
      var found: (id: Int32, end: Int)?
      while let parent = node, end < word.count {
        node = trie.child(of: parent, word[end])
        end += 1
        if let node, case let id = trie.value(of: node), id >= 0 { found = (id, end) }
      }
      if let found { workspace.append(found.id, length: found.end - start) }
      position = found?.end
    }
    guard position == nil else { return }
    workspace.tokens.removeSubrange(first...)
    workspace.append(unknown, length: word.count)
  }

  private func isLong(_ word: UTF8Bytes) -> Bool {
    word.count > longestWord && word.count(where: { $0 & 0xC0 != 0x80 }) > longestWord
  }

  var longest: Int? { nil }
  /// At each place a token may be tried to its end.
  var cost: TextCost { TextCost(work: Double(trie.depth)) }
}
