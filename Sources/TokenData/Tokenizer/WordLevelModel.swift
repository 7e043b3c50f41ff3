// SPDX-License-Identifier: Apache-2.0
import Files

/// A model whose tokens are whole words.
struct WordLevelModel: WordModel {
  let vocabulary: Vocabulary
  /// The token for words that the vocabulary lacks.
  private let unknown: Int32

  init(_ json: JSONReader) throws(InputError) {
    vocabulary = try Vocabulary(try json.at("vocab"))
    unknown = try json.unknownToken(vocabulary)
  }

  func cut(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    workspace.append(vocabulary.id(of: word) ?? unknown, length: word.count)
  }

  /// Looking into the vocabulary costs no more than looking into the cache.
  func tokenize(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) { cut(word, &workspace) }

  var longest: Int? { nil }
  var cost: TextCost { TextCost(work: 1) }
}
