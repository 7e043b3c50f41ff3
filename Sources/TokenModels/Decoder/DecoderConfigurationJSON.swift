// SPDX-License-Identifier: Apache-2.0
public import Files
import TorchNN

extension DecoderConfiguration {
  /// Every key of `config.json` that is read or written, once.
  enum Key: String {
    case architectures, dtype
    case modelType = "model_type"
    case vocabularySize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case keyValueHeads = "num_key_value_heads"
    case headDimension = "head_dim"
    case contextLength = "max_position_embeddings"
    case epsilon = "rms_norm_eps"
    case activation = "hidden_act"
    case hiddenActivation = "hidden_activation"
    case attentionBias = "attention_bias"
    case attentionDropout = "attention_dropout"
    case mlpBias = "mlp_bias"
    case tiesEmbeddings = "tie_word_embeddings"
    case initialDeviation = "initializer_range"
    case beginToken = "bos_token_id"
    case endToken = "eos_token_id"
    case tensorParallel = "pretraining_tp"
    case slidingWindow = "sliding_window"
    case usesSlidingWindow = "use_sliding_window"
    case maxWindowLayers = "max_window_layers"
    case windowPattern = "sliding_window_pattern"
    case layerTypes = "layer_types"
    case quantization = "quantization_config"
    case ropeTheta = "rope_theta"
    case localTheta = "rope_local_base_freq"
    case fullAttention = "full_attention"
    case slidingAttention = "sliding_attention"
    case ropeScaling = "rope_scaling"
    case ropeParameters = "rope_parameters"
    case ropeType = "rope_type"
    case oldRopeType = "type"
    case factor
    case lowFactor = "low_freq_factor"
    case highFactor = "high_freq_factor"
    case originalLength = "original_max_position_embeddings"
    case shortFactor = "short_factor"
    case longFactor = "long_factor"
    case attentionFactor = "attention_factor"
    case fastTurns = "beta_fast"
    case slowTurns = "beta_slow"
    case truncates = "truncate"
    case magnitude = "mscale"
    case magnitudeOfAll = "mscale_all_dim"
    case queryTemperature = "llama_4_scaling_beta"
    case axisSections = "mrope_section"
    case axesAreInterleaved = "mrope_interleaved"
    case residualDropout = "resid_pdrop"
    case embeddingDropout = "embd_pdrop"
    case partialRotary = "partial_rotary_factor"
    case isCausal = "is_causal"
    case isBidirectional = "use_bidirectional_attention"
    case queryScalar = "query_pre_attn_scalar"
    case attentionCap = "attn_logit_softcapping"
    case logitCap = "final_logit_softcapping"
    case embeddingMultiplier = "embedding_multiplier"
    case residualMultiplier = "residual_multiplier"
    case attentionMultiplier = "attention_multiplier"
    case logitsScaling = "logits_scaling"
    case rotatedLayers = "no_rope_layers"
    case unrotatedInterval = "no_rope_layer_interval"
    case experts = "num_experts"
    case localExperts = "num_local_experts"
    case chosenExperts = "num_experts_per_tok"
    case expertSize = "moe_intermediate_size"
    case normalisesChoice = "norm_topk_prob"
    case sparseStep = "decoder_sparse_step"
    case denseLayers = "mlp_only_layers"
  }

  /// The configuration as `config.json`, in the layout that every version of transformers reads.
  ///
  /// - Precondition: it is one of the Llama family, or Phi-3's; others keep the `config.json` they came from.
  public var json: JSON {
    precondition(parts == DecoderParts(), "only what was made in code is written")
    var object = JSONObject()
    func set(_ key: Key, _ value: JSON) { object[key.rawValue] = value }
    set(.architectures, [fusesProjections ? "Phi3ForCausalLM" : "LlamaForCausalLM"])
    set(.modelType, fusesProjections ? "phi3" : "llama")
    set(.vocabularySize, .int(vocabularySize))
    set(.hiddenSize, .int(hiddenSize))
    set(.intermediateSize, .int(intermediateSize))
    set(.layers, .int(layers))
    set(.heads, .int(heads))
    set(.keyValueHeads, .int(keyValueHeads))
    set(.headDimension, .int(headDimension))
    set(.contextLength, .int(contextLength))
    set(.epsilon, .double(epsilon))
    set(.activation, "silu")
    set(.attentionBias, .bool(attentionBias))
    set(.mlpBias, .bool(mlpBias))
    set(.tiesEmbeddings, .bool(tiesEmbeddings))
    set(.initialDeviation, .double(initialDeviation))
    set(.beginToken, beginToken.map { .int($0) } ?? .null)
    set(
      .endToken, endTokens.count == 1 ? .int(endTokens[0]) : endTokens.isEmpty ? .null : .array(endTokens.map(JSON.int))
    )
    set(.ropeTheta, .double(theta))
    set(.ropeScaling, scalingJSON)
    if case .longrope(_, _, let length, _) = scaling { set(.originalLength, .int(length)) }
    return .object(object)
  }

  private var scalingJSON: JSON {
    switch scaling {
    case .none: .null
    case .linear(let factor): [Key.ropeType.rawValue: "linear", Key.factor.rawValue: .double(factor)]
    case .dynamic(let factor, _): [Key.ropeType.rawValue: "dynamic", Key.factor.rawValue: .double(factor)]
    case .yarn(let factor, let fast, let slow, let originalLength, let truncates, let attention):
      [
        Key.ropeType.rawValue: "yarn", Key.factor.rawValue: .double(factor), Key.fastTurns.rawValue: .double(fast),
        Key.slowTurns.rawValue: .double(slow), Key.originalLength.rawValue: .int(originalLength),
        Key.truncates.rawValue: .bool(truncates), Key.attentionFactor.rawValue: .double(attention),
      ]
    case .llama3(let factor, let low, let high, let originalLength):
      [
        Key.ropeType.rawValue: "llama3", Key.factor.rawValue: .double(factor), Key.lowFactor.rawValue: .double(low),
        Key.highFactor.rawValue: .double(high), Key.originalLength.rawValue: .int(originalLength),
      ]
    case .longrope(let short, let long, _, let attention):
      [
        Key.ropeType.rawValue: "longrope", Key.shortFactor.rawValue: .array(short.map(JSON.double)),
        Key.longFactor.rawValue: .array(long.map(JSON.double)), Key.attentionFactor.rawValue: .double(attention),
      ]
    }
  }
}
