// SPDX-License-Identifier: Apache-2.0
import Files

/// What makes tokens of words: a kind of the `model` section of tokenizer.json.
protocol WordModel: Sendable {
  var vocabulary: Vocabulary { get }
  /// Whether words are bytes, each a character of GPT-2's alphabet in the vocabulary.
  var isByteLevel: Bool { get }
  /// Appends the tokens of a word that is not empty.
  func cut(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace)
  /// The same, from memory where the word has been met before.
  func tokenize(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace)
  /// Bytes of text that one token stands for at most; nil for any number, or where bytes are dropped.
  var longest: Int? { get }
  /// Of cutting words.
  var cost: TextCost { get }
}

extension WordModel {
  var isByteLevel: Bool { false }

  @inline(__always) func tokenize(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    guard word.count <= WordCache.longestWord else { return cut(word, &workspace) }
    let hash = byteHash(word)
    if workspace.cache.find(word, hash, appendingTo: &workspace.tokens) { return }
    let start = workspace.tokens.count
    cut(word, &workspace)
    workspace.cache.insert(word, hash, workspace.tokens[start...])
  }
}

/// The model of a tokenizer. An enumeration, so that the loop over words is compiled for each kind.
enum TokenizerModel: Sendable {
  case bytePair(BytePairModel)
  case unigram(UnigramModel)
  case wordPiece(WordPieceModel)
  case wordLevel(WordLevelModel)

  static let supported = ["BPE", "Unigram", "WordPiece", "WordLevel"]

  /// - Parameter isByteLevel: whether the pre-tokenizer ends by turning bytes into characters.
  init(_ json: JSONReader, isByteLevel: Bool) throws(InputError) {
    let type = try json.ifPresent("type")
    // Files of before 2020 have no type; then a list of pieces and scores is Unigram's.
    var isList = false
    if case .array = try json.at("vocab").value { isList = true }
    switch try type?.string() ?? (isList ? "Unigram" : "BPE") {
    case "BPE": self = .bytePair(try BytePairModel(json, isByteLevel: isByteLevel))
    case "Unigram": self = .unigram(try UnigramModel(json))
    case "WordPiece": self = .wordPiece(try WordPieceModel(json))
    case "WordLevel": self = .wordLevel(try WordLevelModel(json))
    default: throw (type ?? json).error(expected: "one of " + Self.supported.joined(separator: ", "))
    }
  }

  /// A token that keeps the text it stands for as its own; nil if none does.
  var unspelt: Int32? {
    if case .unigram(let model) = self { model.unknown } else { nil }
  }

  /// The model, whatever its kind.
  var model: any WordModel {
    switch self {
    case .bytePair(let model): model
    case .unigram(let model): model
    case .wordPiece(let model): model
    case .wordLevel(let model): model
    }
  }
}

extension JSONReader {
  /// The token of the vocabulary that `unk_token` names.
  func unknownToken(_ vocabulary: Vocabulary) throws(InputError) -> Int32 {
    let token = try at("unk_token")
    guard let id = vocabulary.id(of: try token.string()) else {
      throw token.error(expected: "a token of the vocabulary")
    }
    return id
  }
}
