// SPDX-License-Identifier: Apache-2.0
import Files

/// Byte-level BPE: GPT-2, Llama 3, SmolLM.
///
/// - Throws: `InputError` if the rules by which text is cut have a name that is not known here: a wrong guess would
///   make other tokens, and show only in the quality of the model.
func byteLevelTokenizer(_ vocabulary: GGUFVocabulary) throws(InputError) -> GGUFTokenizerParts {
  let key = "tokenizer.ggml.pre"
  let name = try vocabulary.metadata.string(key)
  guard let rules = CuttingRules(rawName: name) else {
    throw vocabulary.metadata.error(
      key, expected: "one of " + CuttingRules.allCases.flatMap(\.names).joined(separator: ", "),
      remedy: "Convert the model from its original folder instead.")
  }
  guard let merges = try vocabulary.listedMerges() else {
    throw vocabulary.metadata.error("tokenizer.ggml.merges", expected: "the merges of byte-level BPE")
  }
  var notes: [String] = []
  if name == nil || name == "default" {
    notes.append("The file does not say how its tokenizer cuts text; GPT-2's rules are taken.")
  }
  return GGUFTokenizerParts(
    preTokenizer: rules.preTokenizer,
    decoder: byteLevel(addsSpace: true, usesRegex: true),
    model: vocabulary.bpe(merges: merges, ignoresMerges: rules == .llama3),
    added: vocabulary.added { $0 == .control || $0 == .userDefined },
    addsBegin: rules == .llama3, notes: notes)
}

/// How text is cut before the merges are applied within the pieces.
private enum CuttingRules: CaseIterable {
  /// GPT-2's regular expression, the one that the ByteLevel pre-tokenizer has built in.
  case gpt2
  /// The same, after every digit has been set apart.
  case smollm
  /// Llama 3's regular expression: digits in threes, contractions in either case, line breaks apart.
  case llama3

  init?(rawName: String?) {
    guard let rules = Self.allCases.first(where: { $0.names.contains(rawName ?? "default") }) else { return nil }
    self = rules
  }

  /// llama.cpp's names.
  var names: [String] {
    switch self {
    case .gpt2: ["gpt-2", "default"]
    case .smollm: ["smollm"]
    case .llama3: ["llama-bpe", "llama3", "llama-v3"]
    }
  }

  var preTokenizer: JSON {
    switch self {
    case .gpt2: byteLevel(addsSpace: false, usesRegex: true)
    case .smollm:
      [
        "type": "Sequence",
        "pretokenizers": [
          ["type": "Digits", "individual_digits": true], byteLevel(addsSpace: false, usesRegex: true),
        ],
      ]
    case .llama3:
      [
        "type": "Sequence",
        "pretokenizers": [
          [
            "type": "Split", "pattern": ["Regex": .string(Self.llama3Pattern)], "behavior": "Isolated",
            "invert": false,
          ],
          byteLevel(addsSpace: false, usesRegex: false),
        ],
      ]
    }
  }

  private static let llama3Pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
    + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
}

private func byteLevel(addsSpace: Bool, usesRegex: Bool) -> JSON {
  ["type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "trim_offsets": true, "use_regex": .bool(usesRegex)]
}
