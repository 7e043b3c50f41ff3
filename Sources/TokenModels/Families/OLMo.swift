// SPDX-License-Identifier: Apache-2.0
import Files

extension DecoderFamily {
  /// OLMo 2 (arXiv 2501.00656): what attention and MLP give is normalised, not what they read; queries and keys are,
  /// all heads together.
  static let olmo2 = DecoderFamily(
    "olmo2", class: "Olmo2",
    defaults: [
      "vocab_size": 50_304, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
      "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
    ]
  ) { (c, config) throws(InputError) in
    c.useOLMoParts()
    try c.readRotary(config)
    try config.refuseWindows()
  }

  /// OLMo 3: as OLMo 2, with a window in three of four layers; scaling of the rotation in the others alone.
  static let olmo3 = DecoderFamily(
    "olmo3", class: "Olmo3",
    defaults: [
      "vocab_size": 50_304, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
      "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "sliding_window": 4096,
    ]
  ) { (c, config) throws(InputError) in
    c.useOLMoParts()
    let rules = RotaryRules(theta: 500_000)
    try c.readTwoRotaries(config, rules, local: rules, localTheta: nil)
    c.parts.windows = try config.windows(c.layers) { ($0 + 1) % 4 != 0 }
  }
}

extension DecoderConfiguration {
  fileprivate mutating func useOLMoParts() {
    mlpBias = false
    parts.norms = .after
    parts.queryKeyNorm = .allHeads
  }
}
