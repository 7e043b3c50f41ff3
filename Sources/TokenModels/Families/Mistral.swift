// SPDX-License-Identifier: Apache-2.0
import Files

extension DecoderFamily {
  /// Mistral (Jiang et al. 2023, arXiv 2310.06825): a window in every layer, where `sliding_window` states one.
  static let mistral = DecoderFamily(
    "mistral", class: "Mistral",
    defaults: [
      "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131_072, "rms_norm_eps": 1e-6,
      "sliding_window": 4096,
    ]
  ) { (c, config) throws(InputError) in
    (c.attentionBias, c.mlpBias) = (false, false)
    try c.readRotary(config)
    c.parts.windows = try config.windowOfAll(c.layers)
  }

  /// Ministral 3: YaRN, and queries that grow with their position.
  static let ministral3 = DecoderFamily(
    "ministral3", class: "Ministral3",
    defaults: [
      "vocab_size": 131_072, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 34,
      "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262_144,
      "rms_norm_eps": 1e-5,
      "rope_parameters": [
        "rope_type": "yarn", "rope_theta": 1_000_000.0, "factor": 16.0, "original_max_position_embeddings": 16_384,
        "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1,
      ],
    ]
  ) { (c, config) throws(InputError) in
    (c.attentionBias, c.mlpBias) = (false, false)
    let old = try config[.ropeScaling]
    let rope = if let old { old } else { try config.at("rope_parameters") }
    try c.readRotary(config, RotaryRules(types: ["yarn"], extra: [.queryTemperature, .contextLength]))
    c.parts.queryTemperature = DecoderParts.QueryTemperature(
      beta: try rope.positive(.queryTemperature),
      length: try rope.count(.originalLength, default: c.contextLength, limit: 1 << 31))
    c.parts.windows = try config.windowOfAll(c.layers)
  }
}
