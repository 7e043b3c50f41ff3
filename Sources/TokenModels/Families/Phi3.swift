// SPDX-License-Identifier: Apache-2.0
import Files

extension DecoderFamily {
  /// Phi-3 (Abdin et al. 2024, arXiv 2404.14219) and Phi-4-mini (arXiv 2503.01743): fused projections, LongRoPE over a
  /// part of each head.
  static let phi3 = DecoderFamily(
    "phi3", class: "Phi3",
    defaults: [
      "vocab_size": 32_064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
      "num_attention_heads": 32, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
    ]
  ) { (c, config) throws(InputError) in
    (c.attentionBias, c.mlpBias, c.fusesProjections) = (false, false, true)
    try c.readRotary(config, RotaryRules(types: ["default", "longrope"], partial: 1))
    c.parts.windows = try config.windowOfAll(c.layers)
  }
}
