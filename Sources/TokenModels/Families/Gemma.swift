// SPDX-License-Identifier: Apache-2.0
import Files
import TorchNN

extension DecoderFamily {
  /// Gemma (arXiv 2403.08295): embeddings times √H, normalisations of 1 + w, GeGLU.
  static let gemma = DecoderFamily(
    "gemma", class: "Gemma",
    defaults: [
      "vocab_size": 256_000, "hidden_size": 3072, "intermediate_size": 24_576, "num_hidden_layers": 28,
      "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "max_position_embeddings": 8192,
      "rms_norm_eps": 1e-6, "tie_word_embeddings": true, "hidden_act": "gelu_pytorch_tanh",
    ]
  ) { (c, config) throws(InputError) in
    c.useGemmaParts()
    // The first folders say gelu and mean the approximation.
    if c.parts.activation == .gelu { c.parts.activation = .geluTanh }
    try c.readRotary(config)
    try config.refuseWindows()
  }

  /// Gemma 2 (arXiv 2408.00118): normalisations around attention and MLP, bounds of scores and logits, a window in
  /// every other layer.
  static let gemma2 = DecoderFamily(
    "gemma2", class: "Gemma2",
    defaults: [
      "vocab_size": 256_000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
      "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 8192,
      "rms_norm_eps": 1e-6, "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096,
      "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
    ]
  ) { (c, config) throws(InputError) in
    try c.useLaterGemmaParts(config)
    try c.readRotary(config)
    c.parts.windows = try config.windows(c.layers) { $0 % 2 == 0 }
  }

  /// Gemma 3 (arXiv 2503.19786), text: as Gemma 2 without bounds; heads of queries and keys are normalised; five layers
  /// with a window and slower rotation of their own, then one that sees everything.
  static let gemma3 = DecoderFamily(
    "gemma3_text", class: "Gemma3Text",
    defaults: [
      "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
      "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131_072,
      "rms_norm_eps": 1e-6, "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096,
      "sliding_window_pattern": 6,
    ]
  ) { (c, config) throws(InputError) in
    try c.useLaterGemmaParts(config)
    c.parts.queryKeyNorm = .eachHead
    try c.readTwoRotaries(
      config, RotaryRules(theta: 1_000_000), local: RotaryRules(), localTheta: .localTheta)
    let pattern = try config.count(.windowPattern, limit: 1 << 12)
    c.parts.windows = try config.windows(c.layers) { ($0 + 1) % pattern != 0 }
  }
}

extension DecoderConfiguration {
  fileprivate mutating func useGemmaParts() {
    mlpBias = false
    parts.normsAreOffset = true
    parts.embeddingScale = Double(hiddenSize).squareRoot()
  }

  fileprivate mutating func useLaterGemmaParts(_ config: JSONReader) throws(InputError) {
    useGemmaParts()
    parts.activation = try Activation(config, key: Key.hiddenActivation.rawValue, default: .geluTanh)
    parts.norms = .around
    parts.scores = AttentionScores(
      scale: 1 / (try config.positive(.queryScalar)).squareRoot(), cap: try config.positiveIfPresent(.attentionCap))
    parts.logitCap = try config.positiveIfPresent(.logitCap)
  }
}
