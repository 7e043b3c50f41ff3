// SPDX-License-Identifier: Apache-2.0
import Files

/// The tokens of a GGUF file and what it says about them.
struct GGUFVocabulary {
  /// Kind of a token, by llama.cpp's number for it.
  enum Kind: Int {
    case normal = 1, unknown, control, userDefined, unused, byte
  }

  static let tokensKey = "tokenizer.ggml.tokens"

  let metadata: GGUFMetadata
  /// The texts, by id; in the byte-level alphabet for a model `gpt2`.
  let tokens: [String]
  /// Kinds of the tokens.
  let kinds: [Kind]
  /// Id by text.
  let ids: JSONObject
  /// The ids of the tokens with a part to play, if there are such.
  let begin: Int?
  let end: Int?
  let unknown: Int?
  let padding: Int?

  init(_ metadata: GGUFMetadata) throws(InputError) {
    let key = Self.tokensKey
    guard let tokens = try metadata.strings(key), !tokens.isEmpty else {
      throw metadata.error(key, expected: "the texts of the tokens")
    }
    (self.metadata, self.tokens) = (metadata, tokens)
    kinds = try Self.kinds(of: tokens, metadata)
    var ids = JSONObject()
    for (id, token) in tokens.enumerated() where !Self.isPadding(token, id, kinds[id]) {
      guard ids.append(token, .int(id)) else {
        throw metadata.error("\(key)[\(id)]", expected: "each text once", found: "\(JSON.string(token).summary) again")
      }
    }
    self.ids = ids
    func special(_ name: String) throws(InputError) -> Int? {
      guard let id = try metadata.int("tokenizer.ggml.\(name)_token_id") else { return nil }
      guard tokens.indices.contains(id) else {
        throw metadata.error("tokenizer.ggml.\(name)_token_id", expected: "the id of one of \(tokens.count) tokens")
      }
      guard !Self.isPadding(tokens[id], id, kinds[id]) else {
        throw metadata.error(
          "tokenizer.ggml.\(name)_token_id", expected: "the id of a token of the vocabulary",
          found: "\(id), which only fills a gap (\(tokens[id]))")
      }
      return id
    }
    let kinds = kinds
    begin = try special("bos")
    end = try special("eos")
    unknown = try special("unknown")
    padding = try special("padding")
  }

  /// The tokens that are found in a text before anything else, with the id of each.
  func added(where isAdded: (Kind) -> Bool) -> [Int] { kinds.indices.filter { isAdded(kinds[$0]) } }

  private static func kinds(of tokens: [String], _ metadata: GGUFMetadata) throws(InputError) -> [Kind] {
    let key = "tokenizer.ggml.token_type"
    guard let numbers = try metadata.ints(key) else { return tokens.map { _ in .normal } }
    guard numbers.count == tokens.count else {
      throw metadata.error(key, expected: "one for each of \(tokens.count) tokens")
    }
    return try numbers.enumerated().map { id, number throws(InputError) in
      // 0 is "undefined", which some converters write for what is normal.
      guard let kind = Kind(rawValue: number == 0 ? 1 : number) else {
        throw metadata.error("\(key)[\(id)]", expected: "a number of 0 ... 6", found: "\(number)")
      }
      return kind
    }
  }

  /// Whether the token is what llama.cpp's converter puts where the original vocabulary has none.
  private static func isPadding(_ token: String, _ id: Int, _ kind: Kind) -> Bool {
    kind == .unused && token == "[PAD\(id)]"
  }
}
