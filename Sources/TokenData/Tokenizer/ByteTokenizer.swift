// SPDX-License-Identifier: Apache-2.0
public import Files

/// The smallest tokenizer that reads everything: every byte is a token whose id is its value, one more token ends a
/// text, and words that are to be read at once follow. For models of our own that start from nothing; every digit is a
/// token.
public struct ByteTokenizer: Sendable, Hashable {
  /// End of a text.
  public static let end = "<|endoftext|>"
  /// Its id.
  public static let endToken = 256

  /// Texts that are tokens, wherever they stand.
  public let words: [String]

  /// Memberwise.
  ///
  /// - Precondition: ``areWords(_:)``.
  public init(words: [String] = []) {
    precondition(Self.areWords(words), "words \(words)")
    self.words = words
  }

  /// Whether these can be words: they are distinct, longer than a byte, which is a token already, and leave digits
  /// alone.
  public static func areWords(_ words: [String]) -> Bool {
    Set(words).count == words.count && words.allSatisfy { $0.utf8.count > 1 && !$0.contains(where: \.isNumber) }
  }

  /// Ids of the vocabulary.
  public var count: Int { Self.endToken + 1 + words.count }

  /// `tokenizer.json`, as the `tokenizers` library has it.
  public var json: JSON {
    var vocabulary = JSONObject()
    for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
      vocabulary[String(Unicode.Scalar(scalar)!)] = .int(byte)
    }
    vocabulary[Self.end] = .int(Self.endToken)
    func bytes(addsSpace: Bool) -> JSON {
      ["type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "trim_offsets": true, "use_regex": false]
    }
    let added =
      [Self.token(Self.end, id: Self.endToken, isSpecial: true)]
      + words.enumerated().map { Self.token($1, id: Self.endToken + 1 + $0, isSpecial: false) }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added), "normalizer": nil,
      "pre_tokenizer": bytes(addsSpace: false), "post_processor": nil, "decoder": bytes(addsSpace: true),
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": .object(vocabulary), "merges": [],
      ],
    ]
  }

  /// `tokenizer_config.json`.
  public func configurationJSON(contextLength: Int) -> JSON {
    var added = JSONObject()
    added["\(Self.endToken)"] = Self.token(Self.end, id: nil, isSpecial: true)
    for (index, word) in words.enumerated() {
      added["\(Self.endToken + 1 + index)"] = Self.token(word, id: nil, isSpecial: false)
    }
    return [
      "add_bos_token": false, "add_eos_token": false, "added_tokens_decoder": .object(added),
      "clean_up_tokenization_spaces": false, "eos_token": .string(Self.end), "pad_token": .string(Self.end),
      "model_max_length": .int(contextLength), "tokenizer_class": "PreTrainedTokenizerFast",
    ]
  }

  private static func token(_ content: String, id: Int?, isSpecial: Bool) -> JSON {
    var token = JSONObject()
    if let id { token["id"] = .int(id) }
    token["content"] = .string(content)
    for key in ["single_word", "lstrip", "rstrip", "normalized"] { token[key] = false }
    token["special"] = .bool(isSpecial)
    return .object(token)
  }
}
