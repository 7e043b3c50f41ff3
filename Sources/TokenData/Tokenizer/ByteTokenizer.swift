public import Files

/// The smallest tokenizer that reads everything: every byte is a token whose id is its value, and one more token ends a
/// text. For models of our own that start from nothing; every digit is a token.
public enum ByteTokenizer {
  /// What ends a text.
  public static let end = "<|endoftext|>"
  /// Its id.
  public static let endToken = 256
  /// Ids of the vocabulary.
  public static let count = 257

  /// `tokenizer.json`, as the `tokenizers` library has it.
  public static var json: JSON {
    var vocabulary = JSONObject()
    for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
      vocabulary[String(Unicode.Scalar(scalar)!)] = .int(byte)
    }
    vocabulary[end] = .int(endToken)
    func bytes(addsSpace: Bool) -> JSON {
      ["type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "trim_offsets": true, "use_regex": false]
    }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": [token(id: endToken)], "normalizer": nil,
      "pre_tokenizer": bytes(addsSpace: false), "post_processor": nil, "decoder": bytes(addsSpace: true),
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": .object(vocabulary), "merges": [],
      ],
    ]
  }

  /// `tokenizer_config.json`.
  public static func configurationJSON(contextLength: Int) -> JSON {
    [
      "add_bos_token": false, "add_eos_token": false, "added_tokens_decoder": ["\(endToken)": token(id: nil)],
      "clean_up_tokenization_spaces": false, "eos_token": .string(end), "pad_token": .string(end),
      "model_max_length": .int(contextLength), "tokenizer_class": "PreTrainedTokenizerFast",
    ]
  }

  private static func token(id: Int?) -> JSON {
    var token = JSONObject()
    if let id { token["id"] = .int(id) }
    token["content"] = .string(end)
    for key in ["single_word", "lstrip", "rstrip", "normalized"] { token[key] = false }
    token["special"] = true
    return .object(token)
  }
}
