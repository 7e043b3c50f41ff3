// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels

/// A family of decoders as llama.cpp has it: its name there, and what a file of it can hold.
///
/// Facts are those of llama.cpp's `conversion/`, `src/models/` and the gguf package's `constants.py`.
struct GGUFFamily: Sendable {
  /// Whether a model may, must or must not use the embedding table as its head.
  enum Ties: Sendable { case either, always, never }

  /// `general.architecture`, also the prefix of its keys.
  let name: String
  /// `model_type` of `config.json`.
  let modelType: String
  /// `architectures` of `config.json`.
  let className: String
  /// Whether llama.cpp rotates neighbouring coordinates of a head: rows of queries and keys are reordered in the file.
  var rotatesNeighbours = false
  /// Whether attention may have biases, and the MLP.
  var hasBiases = false
  /// Whether Llama 3's scaling may stand in a tensor of frequencies.
  var hasFrequencyTensor = false
  /// Whether the width of a head is stated, or hidden size through heads.
  var hasHeadWidth = true
  /// Whether the head may be the embedding table.
  var ties = Ties.either
  /// Layers in which one without a window comes, where llama.cpp knows windows: 2 means every other layer has one.
  var windowPeriod: Int?

  static let all: [GGUFFamily] = [
    GGUFFamily(
      name: "llama", modelType: "llama", className: "LlamaForCausalLM", rotatesNeighbours: true, hasBiases: true,
      hasFrequencyTensor: true),
    GGUFFamily(name: "qwen2", modelType: "qwen2", className: "Qwen2ForCausalLM", hasHeadWidth: false),
    GGUFFamily(name: "qwen3", modelType: "qwen3", className: "Qwen3ForCausalLM"),
    GGUFFamily(name: "qwen3moe", modelType: "qwen3_moe", className: "Qwen3MoeForCausalLM"),
    GGUFFamily(name: "gemma", modelType: "gemma", className: "GemmaForCausalLM", ties: .always),
    GGUFFamily(
      name: "gemma2", modelType: "gemma2", className: "Gemma2ForCausalLM", ties: .always, windowPeriod: 2),
    GGUFFamily(
      name: "gemma3", modelType: "gemma3_text", className: "Gemma3ForCausalLM", ties: .always, windowPeriod: 6),
    GGUFFamily(name: "phi3", modelType: "phi3", className: "Phi3ForCausalLM", hasHeadWidth: false),
    GGUFFamily(
      name: "olmo2", modelType: "olmo2", className: "Olmo2ForCausalLM", hasHeadWidth: false, ties: .never),
    // llama.cpp tells it from OLMo 2 by its window.
    GGUFFamily(
      name: "olmo2", modelType: "olmo3", className: "Olmo3ForCausalLM", hasHeadWidth: false, ties: .never,
      windowPeriod: 4),
    GGUFFamily(
      name: "granite", modelType: "granite", className: "GraniteForCausalLM", rotatesNeighbours: true, hasBiases: true,
      hasFrequencyTensor: true, hasHeadWidth: false),
    GGUFFamily(name: "smollm3", modelType: "smollm3", className: "SmolLM3ForCausalLM", rotatesNeighbours: true),
  ]

  /// The family that holds models of a `model_type`, nil if there is none.
  static func holding(modelType: String) -> GGUFFamily? {
    // Without its window Mistral is Llama, and llama.cpp has it as such.
    let type = modelType == "mistral" ? "llama" : modelType
    return all.first { $0.modelType == type }
  }

  /// The family of a file.
  ///
  /// - Throws: `InputError` if its architecture is not known here.
  static func of(_ metadata: GGUFMetadata) throws(InputError) -> GGUFFamily {
    let name = try metadata.string("general.architecture")
    let families = all.filter { $0.name == name }
    guard let first = families.first else {
      throw metadata.error(
        "general.architecture", expected: "one of " + names.joined(separator: ", ") + ", which can be imported")
    }
    guard families.count > 1 else { return first }
    let window = try metadata.int("\(first.name).attention.sliding_window") ?? 0
    return families.first { ($0.windowPeriod != nil) == (window > 0) } ?? first
  }

  /// llama.cpp's names of all, each once.
  static let names = all.reduce(into: [String]()) { if !$0.contains($1.name) { $0.append($1.name) } }

  /// The factor of products of queries and keys that llama.cpp takes, where no key states one.
  func scale(_ c: DecoderConfiguration) -> Double {
    // Gemma's largest models divide by the hidden size of a head, not by its width; llama.cpp tells them by their layers.
    let isLargest = name == "gemma2" && c.layers == 46 || name == "gemma3" && c.layers == 62
    return 1 / Double(isLargest ? c.hiddenSize / c.heads : c.headDimension).squareRoot()
  }

  /// Which layers llama.cpp gives a window, where no key says so.
  func windowedByDefault(_ layers: Int) -> [Bool] {
    (0..<layers).map { layer in windowPeriod.map { ($0 == 2 ? layer : layer + 1) % $0 != ($0 == 2 ? 1 : 0) } ?? false }
  }
}
