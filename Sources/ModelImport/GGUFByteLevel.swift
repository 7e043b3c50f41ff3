// SPDX-License-Identifier: Apache-2.0
import Files

/// Byte-level BPE: GPT-2, Llama 3, Qwen, SmolLM and others.
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
    normalizer: rules.normalizer, preTokenizer: rules.preTokenizer,
    decoder: byteLevel(addsSpace: true, usesRegex: true),
    model: vocabulary.bpe(merges: merges, ignoresMerges: rules.ignoresMerges),
    added: vocabulary.added { $0 == .control || $0 == .userDefined },
    addsBegin: rules.addsBegin, notes: notes)
}
