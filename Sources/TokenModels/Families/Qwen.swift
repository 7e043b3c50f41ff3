// SPDX-License-Identifier: Apache-2.0
import Files

extension DecoderFamily {
  /// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): biases of queries, keys and values.
  static let qwen2 = DecoderFamily(
    "qwen2", class: "Qwen2",
    defaults: [
      "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 22_016, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-6,
      "sliding_window": 4096, "max_window_layers": 28,
    ]
  ) { (c, config) throws(InputError) in
    (c.attentionBias, c.parts.outputBias, c.mlpBias) = (true, false, false)
    try c.readRotary(config)
    c.parts.windows = try config.qwenWindows(c.layers)
  }

  /// Qwen 3 (Yang et al. 2025, arXiv 2505.09388): each head of queries and keys is normalised.
  static let qwen3 = DecoderFamily(
    "qwen3", class: "Qwen3",
    defaults: [
      "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 22_016, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 32_768,
      "rms_norm_eps": 1e-6, "sliding_window": 4096, "max_window_layers": 28,
    ]
  ) { (c, config) throws(InputError) in
    c.mlpBias = false
    c.parts.queryKeyNorm = .eachHead
    try c.readRotary(config)
    c.parts.windows = try config.qwenWindows(c.layers)
  }

  /// Qwen 3 with experts in the place of MLPs.
  static let qwen3MoE = DecoderFamily(
    "qwen3_moe", class: "Qwen3Moe",
    defaults: [
      "vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24,
      "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-6,
      "sliding_window": 4096, "decoder_sparse_step": 1, "moe_intermediate_size": 768, "num_experts_per_tok": 8,
      "norm_topk_prob": false,
    ]
  ) { (c, config) throws(InputError) in
    c.mlpBias = false
    c.parts.queryKeyNorm = .eachHead
    try c.readRotary(config)
    let hasWindow = try config[.usesSlidingWindow]?.bool() ?? false
    c.parts.windows = hasWindow ? try config.windowOfAll(c.layers) : []
    c.parts.experts = try config.experts(c.layers)
  }
}

extension JSONReader {
  /// Windows from layer `max_window_layers` on, if `use_sliding_window` says so.
  func qwenWindows(_ layers: Int) throws(InputError) -> [Int?] {
    guard try self[.usesSlidingWindow]?.bool() ?? false else {
      try requireFullAttention()  // transformers drops the window then, and fails where a layer wants one
      return []
    }
    guard try self[.slidingWindow] != nil else { return try windows(layers) { _ in false } }
    let first = try at(Key.maxWindowLayers.rawValue).int()
    return try windows(layers) { $0 >= first }
  }

  fileprivate func experts(_ layers: Int) throws(InputError) -> DecoderParts.Experts {
    // transformers has two names for it.
    let key = try self[.experts] == nil ? Key.localExperts : .experts
    let count = try count(key, default: 128, limit: 1 << 12)
    let step = try self.count(.sparseStep, limit: 1 << 12)
    let dense = try self[.denseLayers]?.integers() ?? []
    return DecoderParts.Experts(
      count: count, chosen: try self.count(.chosenExperts, limit: count),
      intermediateSize: try self.count(.expertSize, limit: 1 << 22),
      normalisesChoice: try at(Key.normalisesChoice.rawValue).bool(),
      denseLayers: Set((0..<layers).filter { dense.contains($0) || ($0 + 1) % step != 0 }))
  }
}
