// SPDX-License-Identifier: Apache-2.0
import Files

/// How byte-level BPE cuts text before the merges are applied within the pieces. llama.cpp keeps a name of it alone
/// (`tokenizer.ggml.pre`); a `tokenizer.json` spells it out.
enum CuttingRules: CaseIterable {
  /// GPT-2's regular expression, the one that the ByteLevel pre-tokenizer has built in.
  case gpt2
  /// The same, after every digit has been set apart: SmolLM, StarCoder, Granite.
  case smollm
  /// Llama 3's regular expression: digits in threes, contractions in either case, line breaks apart.
  case llama3
  /// The same, with merges that hold for whole words too: OLMo 2.
  case dbrx
  /// As Llama 3, with single digits: Qwen 2 and 3.
  case qwen2
  /// Cut where case changes, single digits: Mistral since NeMo.
  case tekken
  /// Cut where case changes, digits in threes: Phi-4-mini.
  case gpt4o

  init?(rawName: String?) {
    guard let rules = Self.allCases.first(where: { $0.names.contains(rawName ?? "default") }) else { return nil }
    self = rules
  }

  /// llama.cpp's names, the one that is written first.
  var names: [String] {
    switch self {
    case .gpt2: ["gpt-2", "default"]
    case .smollm: ["smollm", "starcoder", "refact"]
    case .llama3: ["llama-bpe", "llama3", "llama-v3"]
    case .dbrx: ["dbrx", "smaug-bpe"]
    case .qwen2: ["qwen2", "deepseek-r1-qwen"]
    case .tekken: ["tekken"]
    case .gpt4o: ["gpt-4o"]
    }
  }

  /// Whether a piece that is a token is taken whole, whatever the merges say.
  var ignoresMerges: Bool { self == .llama3 || self == .tekken }

  /// Whether a text begins with the token for it, where a file does not say.
  var addsBegin: Bool { self == .llama3 || self == .tekken }

  /// What is done to a text first.
  var normalizer: JSON { self == .qwen2 ? ["type": "NFC"] : nil }

  /// As `tokenizer.json` has it.
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
    case .llama3, .dbrx: Self.split(Self.contractions + Self.letters + #"|\p{N}{1,3}"# + Self.others)
    case .qwen2: Self.split(Self.contractions + Self.letters + #"|\p{N}"# + Self.others)
    case .tekken: Self.split(Self.cased("") + #"|\p{N}"# + Self.othersWithSlash)
    case .gpt4o: Self.split(Self.cased(Self.suffixes) + #"|\p{N}{1,3}"# + Self.othersWithSlash)
    }
  }

  private static func split(_ pattern: String) -> JSON {
    [
      "type": "Sequence",
      "pretokenizers": [
        ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false],
        byteLevel(addsSpace: false, usesRegex: false),
      ],
    ]
  }

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let suffixes = contractions + "?"
  private static let letters = #"|[^\r\n\p{L}\p{N}]?\p{L}+"#
  private static let others = #"| ?[^\s\p{L}\p{N}]+[\r\n]*"# + spaces
  private static let othersWithSlash = #"| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + spaces
  private static let spaces = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// Words of capitals, then small letters, then a suffix.
  private static func cased(_ suffix: String) -> String {
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    return "\(lead)\(upper)*\(lower)+\(suffix)|\(lead)\(upper)+\(lower)*\(suffix)"
  }
}

/// The pre-tokenizer or decoder that writes bytes as characters.
func byteLevel(addsSpace: Bool, usesRegex: Bool) -> JSON {
  ["type": "ByteLevel", "add_prefix_space": .bool(addsSpace), "trim_offsets": true, "use_regex": .bool(usesRegex)]
}
