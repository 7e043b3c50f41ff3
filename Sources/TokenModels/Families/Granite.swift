// SPDX-License-Identifier: Apache-2.0
import Files
import TorchNN

extension DecoderFamily {
  /// Granite 3 and 4 without experts (IBM 2024): Llama with factors of embeddings, scores, branches and logits.
  static let granite = DecoderFamily(
    "granite", class: "Granite", hasClassifier: false,
    defaults: [
      "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
      "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
    ]
  ) { (c, config) throws(InputError) in
    c.parts.embeddingScale = try config.positive(.embeddingMultiplier, default: 1)
    c.parts.residualScale = try config.positive(.residualMultiplier, default: 1)
    c.parts.scores = AttentionScores(scale: try config.positive(.attentionMultiplier, default: 1))
    c.parts.logitScale = 1 / (try config.positive(.logitsScaling, default: 1))
    try c.readRotary(config)
    try config.refuseWindows()
  }
}
