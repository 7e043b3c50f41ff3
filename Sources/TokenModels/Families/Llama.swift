// SPDX-License-Identifier: Apache-2.0
import Files

/// Llama 2 and 3 (arXiv 2307.09288, 2407.21783), SmolLM2: the decoder whose parts are the defaults.
public typealias Llama = CausalLM
/// Configuration of a ``Llama``.
public typealias LlamaConfiguration = DecoderConfiguration

extension DecoderFamily {
  /// Llama 2 and 3, SmolLM2.
  static let llama = DecoderFamily(
    "llama", class: "Llama",
    defaults: [
      "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
      "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
    ]
  ) { (c, config) throws(InputError) in
    try c.readRotary(config)
    try config.refuseWindows()
  }
}
