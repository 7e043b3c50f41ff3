// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels
import TorchNN

extension GGUFFamily {
  /// `config.json` of the model in a file, in the layout that every version of transformers reads.
  ///
  /// - Throws: `InputError` for a key that is missing or wrong, and for every option that would change the computation
  ///   and that the family does not have.
  func configurationJSON(of file: GGUFFile, endTokens: [Int], beginToken: Int?) throws(InputError) -> JSON {
    let keys = GGUFKeys(file.metadata, prefix: name + ".")
    try refuseUnsupported(keys)
    let model = try sizes(of: file, keys, endTokens: endTokens, beginToken: beginToken)
    guard case .object(var object) = model.json else { preconditionFailure("a configuration is an object") }
    object["architectures"] = [.string(className)]
    object["model_type"] = .string(modelType)
    // Other families have no such keys; what biases they have is fixed.
    if !hasBiases { for key in ["attention_bias", "mlp_bias"] { object[key] = false } }
    try addParts(to: &object, of: file, keys, model)
    return .object(object)
  }

  /// What all families have.
  private func sizes(
    of file: GGUFFile, _ keys: GGUFKeys, endTokens: [Int], beginToken: Int?
  ) throws(InputError) -> DecoderConfiguration {
    guard let embedding = file["token_embd.weight"] else { throw GGUFModel.missing("token_embd.weight", in: file) }
    let heads = try keys.count("attention.head_count", limit: 1 << 12)
    let hiddenSize = try keys.count("embedding_length", limit: 1 << 20)
    var model = DecoderConfiguration(
      vocabularySize: embedding.rowCount,
      hiddenSize: hiddenSize,
      intermediateSize: try keys.count("feed_forward_length", limit: 1 << 22),
      layers: try keys.count("block_count", limit: 1 << 12),
      heads: heads,
      keyValueHeads: try keys.count("attention.head_count_kv", default: heads, limit: heads),
      headDimension: try keys.count("attention.key_length", default: hiddenSize / heads, limit: 1 << 16),
      contextLength: try keys.count("context_length", limit: 1 << 31),
      epsilon: try keys.positive("attention.layer_norm_rms_epsilon"),
      theta: try keys.positive("rope.freq_base", default: 10_000),
      tiesEmbeddings: file["output.weight"] == nil,
      attentionBias: file["blk.0.attn_q.bias"] != nil,
      mlpBias: file["blk.0.ffn_gate.bias"] != nil,
      fusesProjections: modelType == "phi3", beginToken: beginToken, endTokens: endTokens)
    try keys.checkHeads(model, rotatesPart: modelType == "phi3")
    model.scaling = try rotaryScaling(of: file, keys, model)
    return model
  }

  /// What sets the family apart.
  private func addParts(
    to object: inout JSONObject, of file: GGUFFile, _ keys: GGUFKeys, _ model: DecoderConfiguration
  ) throws(InputError) {
    switch modelType {
    case "gemma", "gemma2", "gemma3_text":
      for key in ["hidden_act", "hidden_activation"] { object[key] = "gelu_pytorch_tanh" }
      if modelType == "gemma" { break }
      let scale = self.scale(model)
      object["query_pre_attn_scalar"] = .double((1 / (scale * scale)).rounded())
      let caps = modelType == "gemma2" ? (50.0, 30.0) : (nil, nil)
      object["attn_logit_softcapping"] = try keys.cap("attn_logit_softcapping", default: caps.0)
      object["final_logit_softcapping"] = try keys.cap("final_logit_softcapping", default: caps.1)
      try addWindows(to: &object, keys, model, default: modelType == "gemma2" ? 4096 : nil)
      if modelType == "gemma3_text" {
        object["rope_local_base_freq"] = .double(try keys.positive("rope.freq_base_swa", default: 10_000))
      }
    case "olmo3":
      try addWindows(to: &object, keys, model, default: nil)
      let local = try keys.positive("rope.freq_base_swa", default: model.theta)
      // Scaling holds for layers without a window alone.
      var full = object["rope_scaling"] ?? .null
      if case .object(var section) = full {
        section["rope_theta"] = .double(model.theta)
        full = .object(section)
      } else {
        full = ["rope_type": "default", "rope_theta": .double(model.theta)]
      }
      for key in ["rope_theta", "rope_scaling"] { object[key] = .null }
      object["rope_parameters"] = [
        "full_attention": full, "sliding_attention": ["rope_type": "default", "rope_theta": .double(local)],
      ]
    case "phi3":
      let turned = try keys.count("rope.dimension_count", default: model.headDimension, limit: model.headDimension)
      object["partial_rotary_factor"] = .double(Double(turned) / Double(model.headDimension))
      object["original_max_position_embeddings"] = .int(
        try keys.count("rope.scaling.original_context_length", default: model.contextLength, limit: 1 << 31))
      let window = try keys.metadata.int("\(name).attention.sliding_window") ?? 0
      object["sliding_window"] = window > 0 ? .int(window) : .null
    case "granite":
      object["embedding_multiplier"] = .double(try keys.positive("embedding_scale", default: 1))
      object["residual_multiplier"] = .double(try keys.positive("residual_scale", default: 1))
      object["logits_scaling"] = .double(try keys.positive("logit_scale"))
      let scale = 1 / Double(model.headDimension).squareRoot()
      object["attention_multiplier"] = .double(try keys.positive("attention.scale", default: scale))
    case "smollm3": object["no_rope_layer_interval"] = 4
    case "qwen3_moe":
      object["num_experts"] = .int(try keys.count("expert_count", limit: 1 << 12))
      object["num_experts_per_tok"] = .int(try keys.count("expert_used_count", limit: 1 << 12))
      object["moe_intermediate_size"] = .int(try keys.count("expert_feed_forward_length", limit: 1 << 22))
      object["norm_topk_prob"] = true
      object["sliding_window"] = .null
    case "qwen2", "qwen3": object["use_sliding_window"] = false
    default: break
    }
  }

  /// Layers with a window, of how many keys.
  private func addWindows(
    to object: inout JSONObject, _ keys: GGUFKeys, _ model: DecoderConfiguration, default window: Int?
  ) throws(InputError) {
    let key = "attention.sliding_window"
    let width = try keys.count(key, default: window, limit: 1 << 31)
    object["sliding_window"] = .int(width)
    var isWindowed = windowedByDefault(model.layers)
    let pattern = "\(name).\(key)_pattern"
    switch keys.metadata[pattern] {
    case nil: break
    case .array:
      guard let flags = try keys.metadata.bools(pattern), flags.count == model.layers else {
        throw keys.metadata.error(pattern, expected: "\(model.layers) of them, one for each layer")
      }
      isWindowed = flags
    default: throw keys.metadata.error(pattern, expected: "a list, one for each layer")
    }
    object["layer_types"] = .array(isWindowed.map { $0 ? "sliding_attention" : "full_attention" })
  }

  /// Options that would change the computation and that the family does not have.
  private func refuseUnsupported(_ keys: GGUFKeys) throws(InputError) {
    let metadata = keys.metadata
    if let parts = try metadata.int("split.count"), parts > 1 {
      throw metadata.error(
        "split.count", expected: "a model in one file", found: "one of \(parts) parts",
        remedy: "Join them with `gguf-split --merge`.")
    }
    var unknown = ["expert_shared_count", "attention.temperature_scale", "deepstack_mapping"]
    if modelType != "qwen3_moe" { unknown.append("expert_count") }
    if modelType != "granite" { unknown += ["logit_scale", "embedding_scale", "residual_scale", "attention.scale"] }
    if modelType != "gemma2" { unknown.append("attn_logit_softcapping") }
    if !["gemma2", "gemma3_text"].contains(modelType) { unknown.append("final_logit_softcapping") }
    for name in unknown {
      switch metadata[self.name + "." + name] {
      case nil, .int(0)?: break
      case .double(let value)? where value == 0: break
      default: throw metadata.error(self.name + "." + name, expected: "no such option, which is not supported")
      }
    }
    let causal = name + ".attention.causal"
    switch metadata[causal] {
    case nil, .bool(true)?: break
    default: throw metadata.error(causal, expected: "true: models that read in both directions are not supported")
    }
    guard windowPeriod == nil, modelType != "phi3" else { return }
    let key = name + ".attention.sliding_window"
    if let window = try metadata.int(key), window != 0, window < (try metadata.int(name + ".context_length") ?? .max) {
      throw metadata.error(key, expected: "no window, or one of the whole context")
    }
  }
}
