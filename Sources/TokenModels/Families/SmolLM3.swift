// SPDX-License-Identifier: Apache-2.0
import Files

extension DecoderFamily {
  /// SmolLM3 (Hugging Face 2025): Llama without positions in every fourth layer.
  static let smollm3 = DecoderFamily(
    "smollm3", class: "SmolLM3",
    defaults: [
      "vocab_size": 128_256, "hidden_size": 2048, "intermediate_size": 11_008, "num_hidden_layers": 36,
      "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-6,
      "tie_word_embeddings": true, "no_rope_layer_interval": 4,
    ]
  ) { (c, config) throws(InputError) in
    try c.readRotary(config, RotaryRules(theta: 2_000_000))
    let layers = 0..<c.layers
    if let stated = try config[.rotatedLayers] {
      let flags = try stated.integers()
      guard flags.count >= layers.count else {
        throw stated.error(expected: "\(layers.count) of them, one for each layer", found: "\(flags.count)")
      }
      c.parts.unrotatedLayers = Set(layers.filter { flags[$0] == 0 })
    } else {
      let interval = try config.count(.unrotatedInterval, limit: 1 << 12)
      c.parts.unrotatedLayers = Set(layers.filter { ($0 + 1) % interval == 0 })
    }
    guard try config[.usesSlidingWindow]?.bool() ?? false else { return try config.requireFullAttention() }
    let window = try config[.slidingWindow], unrotated = c.parts.unrotatedLayers
    c.parts.windows = try config.windows(c.layers) { window != nil && unrotated.contains($0) }
  }
}
