// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels
import TorchNN

/// The configuration and the weights of a Llama model, from metadata and tensors of a GGUF file.
///
/// Names and meanings of the keys are those of llama.cpp's `convert_hf_to_gguf.py` and `llama-model.cpp`.
///
/// - Throws: `InputError` if the model is of another architecture, has an option that changes the computation and is
///   not supported, or lacks a tensor, has one too many, or one of another shape.
func llamaModel(
  of file: GGUFFile, endTokens: [Int], beginToken: Int?
) throws(InputError) -> (LlamaConfiguration, [GGUFWeight]) {
  let metadata = file.metadata
  let architecture = try metadata.string("general.architecture")
  guard architecture == "llama" else {
    throw metadata.error("general.architecture", expected: "llama, the only one that can be imported")
  }
  try metadata.refuseUnsupported()
  guard let embedding = file["token_embd.weight"] else { throw missing("token_embd.weight", in: file) }

  let heads = try metadata.count("attention.head_count", limit: 1 << 12)
  let hiddenSize = try metadata.count("embedding_length", limit: 1 << 20)
  var configuration = LlamaConfiguration(
    vocabularySize: embedding.rowCount,
    hiddenSize: hiddenSize,
    intermediateSize: try metadata.count("feed_forward_length", limit: 1 << 22),
    layers: try metadata.count("block_count", limit: 1 << 12),
    heads: heads,
    keyValueHeads: try metadata.count("attention.head_count_kv", default: heads, limit: heads),
    headDimension: try metadata.count("attention.key_length", default: hiddenSize / heads, limit: 1 << 16),
    contextLength: try metadata.count("context_length", limit: 1 << 31),
    epsilon: try metadata.positive("attention.layer_norm_rms_epsilon"),
    theta: try metadata.positive("rope.freq_base", default: 10_000),
    tiesEmbeddings: file["output.weight"] == nil,
    attentionBias: file["blk.0.attn_q.bias"] != nil,
    mlpBias: file["blk.0.ffn_gate.bias"] != nil,
    beginToken: beginToken, endTokens: endTokens)
  try metadata.checkHeads(configuration)
  configuration.scaling = try rotaryScaling(of: file, configuration)
  return (configuration, try llamaWeights(of: file, configuration))
}

private func missing(_ name: String, in file: GGUFFile) -> InputError {
  InputError(
    path: file.file.path, place: "tensor \(name)", expected: "a Llama model's weights", found: "no such tensor",
    remedy: "Is it a model, or only its vocabulary, a part of one, or an adapter?")
}

/// Pairs the tensors of a Llama model with their names in a Hugging Face folder.
private func llamaWeights(of file: GGUFFile, _ model: LlamaConfiguration) throws(InputError) -> [GGUFWeight] {
  var weights: [GGUFWeight] = []
  func add(_ name: String, as target: String, shape: [Int], heads: Int? = nil) throws(InputError) {
    guard let tensor = file[name] else { throw missing(name, in: file) }
    guard tensor.shape == shape else {
      throw InputError(
        path: file.file.path, place: "tensor \(name)", expected: "shape \(shape)", found: "\(tensor.shape)")
    }
    weights.append(GGUFWeight(tensor: tensor, name: target, rotaryHeads: heads))
  }
  func addLinear(
    _ name: String, as target: String, _ outputs: Int, _ inputs: Int, bias: Bool, heads: Int? = nil
  ) throws(InputError) {
    try add(name + ".weight", as: target + ".weight", shape: [outputs, inputs], heads: heads)
    if bias { try add(name + ".bias", as: target + ".bias", shape: [outputs], heads: heads) }
  }
  let (hidden, inner) = (model.hiddenSize, model.intermediateSize)
  let (queries, keys) = (model.heads * model.headDimension, model.keyValueHeads * model.headDimension)
  try add("token_embd.weight", as: "model.embed_tokens.weight", shape: [model.vocabularySize, hidden])
  for layer in 0..<model.layers {
    let (block, target) = ("blk.\(layer).", "model.layers.\(layer).")
    let (attention, mlp) = (target + "self_attn.", target + "mlp.")
    try add(block + "attn_norm.weight", as: target + "input_layernorm.weight", shape: [hidden])
    try addLinear(
      block + "attn_q", as: attention + "q_proj", queries, hidden, bias: model.attentionBias, heads: model.heads)
    try addLinear(
      block + "attn_k", as: attention + "k_proj", keys, hidden, bias: model.attentionBias, heads: model.keyValueHeads)
    try addLinear(block + "attn_v", as: attention + "v_proj", keys, hidden, bias: model.attentionBias)
    try addLinear(block + "attn_output", as: attention + "o_proj", hidden, queries, bias: model.attentionBias)
    try add(block + "ffn_norm.weight", as: target + "post_attention_layernorm.weight", shape: [hidden])
    try addLinear(block + "ffn_gate", as: mlp + "gate_proj", inner, hidden, bias: model.mlpBias)
    try addLinear(block + "ffn_up", as: mlp + "up_proj", inner, hidden, bias: model.mlpBias)
    try addLinear(block + "ffn_down", as: mlp + "down_proj", hidden, inner, bias: model.mlpBias)
  }
  try add("output_norm.weight", as: "model.norm.weight", shape: [hidden])
  if !model.tiesEmbeddings { try add("output.weight", as: "lm_head.weight", shape: [model.vocabularySize, hidden]) }

  let used = Set(weights.map(\.tensor.name) + [rotaryFactorsName])
  if let extra = file.tensors.first(where: { !used.contains($0.name) }) {
    throw InputError(
      path: file.file.path, place: "tensor \(extra.name)", expected: "only the tensors of a Llama model",
      found: "one that it has no use for")
  }
  return weights
}

// MARK: Metadata

extension GGUFMetadata {
  private static let prefix = "llama."

  /// A whole number of `1 ... limit`.
  fileprivate func count(_ name: String, default: Int? = nil, limit: Int) throws(InputError) -> Int {
    let key = Self.prefix + name
    guard let value = try int(key) ?? `default`, (1...limit).contains(value) else {
      throw error(key, expected: "a whole number of 1 ... \(limit)")
    }
    return value
  }

  /// A number above 0, as the decimal that was meant when it was stored as a 32-bit float.
  fileprivate func positive(_ name: String, default: Double? = nil) throws(InputError) -> Double {
    let key = Self.prefix + name
    guard let value = try double(key) ?? `default`, value > 0 else {
      throw error(key, expected: "a number above 0")
    }
    guard Double(Float(value)) == value else { return value }
    return Double("\(Float(value))") ?? value
  }

  fileprivate func checkHeads(_ model: LlamaConfiguration) throws(InputError) {
    if model.heads % model.keyValueHeads != 0 {
      throw error(Self.prefix + "attention.head_count_kv", expected: "a divisor of the \(model.heads) heads")
    }
    if values(Self.prefix + "attention.key_length") == nil, model.hiddenSize % model.heads != 0 {
      throw error(Self.prefix + "embedding_length", expected: "a multiple of the \(model.heads) heads")
    }
    if model.headDimension % 2 != 0 {
      throw error(
        Self.prefix + "attention.key_length", expected: "an even width of a head", found: "\(model.headDimension)")
    }
    for name in ["attention.value_length", "rope.dimension_count"] {
      if let width = try int(Self.prefix + name), width != model.headDimension {
        throw error(Self.prefix + name, expected: "\(model.headDimension), the width of a head")
      }
    }
  }

  private func values(_ key: String) -> GGUFValue? { self[key] }

  /// Options that would change the computation and that the Llama models of dist2 do not have.
  fileprivate func refuseUnsupported() throws(InputError) {
    if let parts = try int("split.count"), parts > 1 {
      throw error(
        "split.count", expected: "a model in one file", found: "one of \(parts) parts",
        remedy: "Join them with `gguf-split --merge`.")
    }
    for name in ["expert_count", "logit_scale", "embedding_scale", "residual_scale", "attention.scale"] {
      let key = Self.prefix + name
      if let value = try double(key), value != 0 {
        throw error(key, expected: "no such option, which is not supported")
      }
    }
    let causal = Self.prefix + "attention.causal"
    switch self[causal] {
    case nil, .bool(true)?: break
    default: throw error(causal, expected: "true: models that read in both directions are not supported")
    }
    let key = Self.prefix + "attention.sliding_window"
    if let window = try int(key), window != 0, window < (try int(Self.prefix + "context_length") ?? .max) {
      throw error(key, expected: "no window, or one of the whole context")
    }
  }
}
