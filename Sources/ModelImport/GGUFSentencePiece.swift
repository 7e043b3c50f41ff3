// SPDX-License-Identifier: Apache-2.0
import Files

/// SentencePiece BPE with byte fallback: Llama 2, Mistral.
///
/// The pipeline is that of Llama 2's own `tokenizer.json`: spaces become ▁, and every stretch of text between special
/// tokens begins with one more, as in llama.cpp. (transformers' newer `LlamaTokenizer` has a Metaspace pre-tokenizer,
/// which differs for text that begins with a space or follows a special token.)
func sentencePieceTokenizer(_ vocabulary: GGUFVocabulary) throws(InputError) -> GGUFTokenizerParts {
  let addsSpace = try vocabulary.metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
  // As in llama.cpp, where the file names none.
  let unknown = vocabulary.unknown ?? vocabulary.kinds.firstIndex(of: .unknown)
  var merges = try vocabulary.listedMerges()
  if merges == nil { merges = try vocabulary.mergesFromScores() }
  let spaces: JSON = ["type": "Replace", "pattern": ["String": " "], "content": "▁"]
  let prefix: JSON = ["type": "Prepend", "prepend": "▁"]
  var decoders: [JSON] = [
    ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
  ]
  if addsSpace { decoders.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
  return GGUFTokenizerParts(
    normalizer: ["type": "Sequence", "normalizers": .array(addsSpace ? [prefix, spaces] : [spaces])],
    decoder: ["type": "Sequence", "decoders": .array(decoders)],
    model: vocabulary.bpe(
      merges: merges ?? [], unknown: unknown.map { .string(vocabulary.tokens[$0]) } ?? nil, fusesUnknown: true,
      byteFallback: true),
    added: vocabulary.added { $0 == .control || $0 == .userDefined || $0 == .unknown },
    addsBegin: true)
}

extension GGUFVocabulary {
  /// The merges of a SentencePiece model, which stores none.
  fileprivate func mergesFromScores() throws(InputError) -> [JSON] {
    let key = "tokenizer.ggml.scores"
    guard let scores = try metadata.doubles(key) else {
      throw metadata.error(key, expected: "the scores of a SentencePiece vocabulary")
    }
    guard scores.count == tokens.count else {
      throw metadata.error(key, expected: "one for each of \(tokens.count) tokens")
    }
    let mergeable = Set(kinds.indices.filter { kinds[$0] == .normal || kinds[$0] == .userDefined })
    if let long = mergeable.filter({ tokens[$0].utf8.count > SentencePieceMerge.longestToken }).min() {
      throw metadata.error(
        "\(Self.tokensKey)[\(long)]", expected: "tokens of at most \(SentencePieceMerge.longestToken) bytes",
        found: "a longer one")
    }
    return SentencePieceMerge.all(tokens, mergeable: mergeable, scores: scores).map {
      [.string($0.left), .string($0.right)]
    }
  }
}
