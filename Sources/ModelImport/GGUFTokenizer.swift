// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

/// A tokenizer as `tokenizer.json` and `tokenizer_config.json`, from the metadata of a GGUF file.
///
/// llama.cpp keeps vocabulary and merges, but of the rules by which text is cut beforehand only a name
/// (`tokenizer.ggml.pre`). They are written here as in the `tokenizer.json` of the models that the name stands for.
struct GGUFTokenizer {
  let vocabulary: GGUFVocabulary
  private let parts: GGUFTokenizerParts
  private let addsBegin: Bool
  private let addsEnd: Bool
  private let chatTemplate: String?

  init(_ metadata: GGUFMetadata) throws(InputError) {
    vocabulary = try GGUFVocabulary(metadata)
    chatTemplate = try metadata.string("tokenizer.chat_template")
    let key = "tokenizer.ggml.model"
    switch try metadata.string(key) {
    case "gpt2": parts = try byteLevelTokenizer(vocabulary)
    case "llama": parts = try sentencePieceTokenizer(vocabulary)
    default: throw metadata.error(key, expected: "gpt2 (byte-level BPE) or llama (SentencePiece BPE)")
    }
    addsBegin = try metadata.bool("tokenizer.ggml.add_bos_token") ?? parts.addsBegin
    addsEnd = try metadata.bool("tokenizer.ggml.add_eos_token") ?? false
    if addsBegin, vocabulary.begin == nil {
      throw metadata.error("tokenizer.ggml.bos_token_id", expected: "the token to begin every text with")
    }
    if addsEnd, vocabulary.end == nil {
      throw metadata.error("tokenizer.ggml.eos_token_id", expected: "the token to end every text with")
    }
  }

  /// Notes for the user.
  var notes: [String] { parts.notes }

  /// The token a text begins with, if there is one.
  var beginToken: Int? { vocabulary.begin }

  /// The tokens at which generation ends: the end of the text, and of a turn or message where that is another; of files
  /// that name none, the mark that ends an answer in the chat template.
  var endTokens: [Int] {
    var ids: [Int] = []
    let others = ["eot", "eom"].map { vocabulary.metadata["tokenizer.ggml.\($0)_token_id"] }
    for case .some(.int(let id)) in [vocabulary.end.map(GGUFValue.int)] + others
    where vocabulary.tokens.indices.contains(id) && !ids.contains(id) {
      ids.append(id)
    }
    for case .int(let id)? in templateEnds.map({ vocabulary.ids[$0] }) where !ids.contains(id) { ids.append(id) }
    return ids
  }

  /// The marks that end an answer in the file's template; of one that is not known, those of turns that occur in it.
  private var templateEnds: [String] {
    guard let chatTemplate else { return [] }
    if let known = ChatTemplate(jinja: chatTemplate) {
      return known.ends(TemplateTokens(end: vocabulary.end.map { vocabulary.tokens[$0] }))
    }
    return ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>", "<end_of_utterance>"].filter {
      chatTemplate.contains($0) && vocabulary.ids[$0].map { isControl($0) } ?? false
    }
  }

  private func isControl(_ id: JSON) -> Bool {
    if case .int(let id) = id { vocabulary.kinds[id] == .control } else { false }
  }

  /// `tokenizer.json`.
  var json: JSON {
    [
      "version": "1.0", "truncation": nil, "padding": nil,
      "added_tokens": .array(parts.added.map { vocabulary.addedTokenJSON($0, withID: true) }),
      "normalizer": parts.normalizer, "pre_tokenizer": parts.preTokenizer,
      "post_processor": vocabulary.template(begin: addsBegin, end: addsEnd), "decoder": parts.decoder,
      "model": parts.model,
    ]
  }

  /// `tokenizer_config.json`.
  func configurationJSON(contextLength: Int) -> JSON {
    var object = JSONObject()
    object["add_bos_token"] = .bool(addsBegin)
    object["add_eos_token"] = .bool(addsEnd)
    var decoder = JSONObject()
    for id in parts.added { decoder["\(id)"] = vocabulary.addedTokenJSON(id, withID: false) }
    object["added_tokens_decoder"] = .object(decoder)
    let roles = [("bos", vocabulary.begin), ("eos", vocabulary.end), ("unk", vocabulary.unknown)]
    for (role, id) in roles + [("pad", vocabulary.padding)] {
      if let id { object["\(role)_token"] = .string(vocabulary.tokens[id]) }
    }
    if let chatTemplate { object["chat_template"] = .string(chatTemplate) }
    object["clean_up_tokenization_spaces"] = false
    object["model_max_length"] = .int(contextLength)
    // Not a class of its own: those of transformers 5 rebuild the pipeline by their own rules, this one takes it as it
    // is.
    object["tokenizer_class"] = "PreTrainedTokenizerFast"
    return .object(object)
  }
}

/// Differences of the two kinds of tokenizer.
struct GGUFTokenizerParts {
  var normalizer: JSON = nil
  var preTokenizer: JSON = nil
  var decoder: JSON
  var model: JSON
  /// The ids found in a text before anything else.
  var added: [Int]
  /// Whether a text begins with the token for it, unless the file says otherwise.
  var addsBegin: Bool
  var notes: [String] = []
}

extension GGUFVocabulary {
  /// An entry of `added_tokens`. Only control tokens are special, that is, no part of decoded text.
  func addedTokenJSON(_ id: Int, withID: Bool) -> JSON {
    var object = JSONObject()
    if withID { object["id"] = .int(id) }
    object["content"] = .string(tokens[id])
    for key in ["single_word", "lstrip", "rstrip", "normalized"] { object[key] = false }
    object["special"] = .bool(kinds[id] != .userDefined)
    return .object(object)
  }

  /// The post-processor that puts tokens before or after a text; null if it puts none.
  func template(begin hasBegin: Bool, end hasEnd: Bool) -> JSON {
    let begin = hasBegin ? begin.map { tokens[$0] } : nil
    let end = hasEnd ? end.map { tokens[$0] } : nil
    if begin == nil, end == nil { return nil }
    func sequence(_ name: String, type: JSON) -> [JSON] {
      var pieces: [JSON] = [["Sequence": ["id": .string(name), "type_id": type]]]
      if let begin { pieces.insert(["SpecialToken": ["id": .string(begin), "type_id": type]], at: 0) }
      if let end { pieces.append(["SpecialToken": ["id": .string(end), "type_id": type]]) }
      return pieces
    }
    var special = JSONObject()
    for token in [begin, end] {
      if let token { special[token] = ["id": .string(token), "ids": [ids[token]!], "tokens": [.string(token)]] }
    }
    return [
      "type": "TemplateProcessing", "single": .array(sequence("A", type: 0)),
      "pair": .array(sequence("A", type: 0) + sequence("B", type: 1)), "special_tokens": .object(special),
    ]
  }

  /// A BPE model. `merges` are pairs of texts.
  func bpe(
    merges: [JSON], unknown: JSON = nil, fusesUnknown: Bool = false, byteFallback: Bool = false,
    ignoresMerges: Bool = false
  ) -> JSON {
    [
      "type": "BPE", "dropout": nil, "unk_token": unknown, "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil, "fuse_unk": .bool(fusesUnknown), "byte_fallback": .bool(byteFallback),
      "ignore_merges": .bool(ignoresMerges), "vocab": .object(ids), "merges": .array(merges),
    ]
  }

  /// The merges that the file lists, each of two tokens that make a third; nil if it lists none.
  func listedMerges() throws(InputError) -> [JSON]? {
    let key = "tokenizer.ggml.merges"
    guard let merges = try metadata.strings(key) else { return nil }
    return try merges.enumerated().map { index, merge throws(InputError) in
      // A token may hold spaces of its own, but never begins with one.
      let parts = merge.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1).map { String($0) ?? "" }
      guard parts.count == 2, ids[parts[0]] != nil, ids[parts[1]] != nil, ids[parts[0] + parts[1]] != nil else {
        throw metadata.error(
          "\(key)[\(index)]", expected: "two tokens, with a space between, that make a third",
          found: JSON.string(merge).summary)
      }
      return [.string(parts[0]), .string(parts[1])]
    }
  }
}
