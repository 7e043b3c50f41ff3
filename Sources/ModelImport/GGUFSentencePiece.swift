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
  /// One way to make a token of two others.
  private struct Merge {
    var left: String
    var right: String
    var score: Double
    var leftLength: Int
    var rightLength: Int

    /// Whether it is done before another: SentencePiece merges the pair whose result has the best score. Between the
    /// ways to make one token the order is that of transformers' `generate_merges`: the longest left part first.
    func precedes(_ other: Merge) -> Bool {
      (score, leftLength, rightLength) > (other.score, other.leftLength, other.rightLength)
    }
  }

  /// The merges of a SentencePiece model, which stores none: a pair of tokens may be merged if that makes a token, and
  /// the sooner the better that token's score is.
  fileprivate func mergesFromScores() throws(InputError) -> [JSON] {
    let key = "tokenizer.ggml.scores"
    guard let scores = try metadata.doubles(key) else {
      throw metadata.error(key, expected: "the scores of a SentencePiece vocabulary")
    }
    guard scores.count == tokens.count else {
      throw metadata.error(key, expected: "one for each of \(tokens.count) tokens")
    }
    let mergeable = Set(kinds.indices.filter { kinds[$0] == .normal || kinds[$0] == .userDefined })
    var merges: [Merge] = []
    for id in tokens.indices where mergeable.contains(id) {
      let scalars = tokens[id].unicodeScalars
      // Every way to cut it is looked up, so time grows with the square of the length. SentencePiece makes 16 at most
      // unless told otherwise.
      guard tokens[id].utf8.count <= 1024 else {
        throw metadata.error(
          "\(Self.tokensKey)[\(id)]", expected: "tokens of at most 1024 bytes", found: "a longer one")
      }
      var ofToken: [(merge: Merge, ids: (Int, Int))] = []
      for (length, index) in scalars.indices.enumerated().dropFirst() {
        let (left, right) = (String(scalars[..<index]), String(scalars[index...]))
        guard case .int(let leftID) = ids[left], case .int(let rightID) = ids[right], mergeable.contains(leftID),
          mergeable.contains(rightID)
        else { continue }
        let merge = Merge(
          left: left, right: right, score: scores[id], leftLength: length, rightLength: scalars.count - length)
        ofToken.append((merge, (leftID, rightID)))
      }
      merges += ofToken.sorted { $0.ids < $1.ids }.map(\.merge)
    }
    // Stable, as Python's sort is: merges that compare equal stay in the order of the vocabulary.
    let order = merges.indices.sorted { a, b in
      if merges[a].precedes(merges[b]) { return true }
      return !merges[b].precedes(merges[a]) && a < b
    }
    return order.map { [.string(merges[$0].left), .string(merges[$0].right)] }
  }
}
