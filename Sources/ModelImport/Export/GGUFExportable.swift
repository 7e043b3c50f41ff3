// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenModels
import TorchNN

extension GGUFFamily {
  /// Throws unless a file of this family holds all of a model.
  ///
  /// - Parameter config: its `config.json`, for the error.
  func requireExportable(_ c: DecoderConfiguration, _ config: JSONReader) throws(InputError) {
    func require(_ condition: Bool, _ key: String, _ expected: String, remedy: String = "") throws(InputError) {
      guard !condition else { return }
      let value = config.value[key] ?? .null
      throw config.child(key, value).error(
        expected: "\(expected), all that llama.cpp's \(name) has", found: value.summary, remedy: remedy)
    }
    let parts = c.parts
    try require(
      hasBiases || modelType == "qwen2" || !c.attentionBias && parts.outputBias != true, "attention_bias", "false")
    try require(hasBiases || !c.mlpBias, "mlp_bias", "false")
    try require(ties != .always || c.tiesEmbeddings, "tie_word_embeddings", "true")
    try require(ties != .never || !c.tiesEmbeddings, "tie_word_embeddings", "false")
    try require(
      hasHeadWidth || c.headDimension * c.heads == c.hiddenSize, "head_dim", "hidden_size / num_attention_heads")
    let isGemma = modelType.hasPrefix("gemma")
    try require(
      parts.activation == (isGemma ? .geluTanh : .silu), isGemma ? "hidden_activation" : "hidden_act",
      isGemma ? "gelu_pytorch_tanh" : "silu")
    try require(modelType == "granite" || isScaleImplied(c), "query_pre_attn_scalar", "\(1 / pow(scale(c), 2))")
    try require(parts.queryTemperature == nil, "rope_parameters", "no llama_4_scaling_beta")
    if modelType == "gemma2" {
      try require(parts.scores.cap != nil, "attn_logit_softcapping", "a number")
      try require(parts.logitCap != nil, "final_logit_softcapping", "a number")
    } else {
      try require(parts.scores.cap == nil, "attn_logit_softcapping", "null")
    }
    if modelType == "smollm3" {
      let expected = Set((0..<c.layers).filter { ($0 + 1) % 4 == 0 })
      try require(parts.unrotatedLayers == expected, "no_rope_layers", "every fourth layer without rotation")
    }
    if let experts = parts.experts {
      try require(experts.normalisesChoice, "norm_topk_prob", "true")
      try require(experts.denseLayers.isEmpty, "mlp_only_layers", "experts in every layer")
    }
    let hasWindow = parts.windows.contains { $0.map { $0 < c.contextLength } ?? false }
    try require(
      windowPeriod != nil || modelType == "phi3" || !hasWindow, "sliding_window", "null, or the whole context",
      remedy: "Set it to null in config.json if texts stay shorter than the window.")
    try requireExportableRotation(c, config)
  }

  private func isScaleImplied(_ c: DecoderConfiguration) -> Bool {
    let factor = c.parts.scores.scale ?? 1 / Double(c.headDimension).squareRoot()
    return abs(factor - scale(c)) < 1e-9
  }

  private func requireExportableRotation(_ c: DecoderConfiguration, _ config: JSONReader) throws(InputError) {
    let isSupported =
      switch c.scaling {
      case .none: true
      case .linear: modelType != "phi3"
      case .llama3: hasFrequencyTensor
      case .longrope: modelType == "phi3"
      case .dynamic: false
      case .yarn(let factor, _, _, _, let truncates, let attention):
        // llama.cpp has no other factor of cosines and sines, and rounds the ends of the ramp.
        truncates && abs(attention - (factor <= 1 ? 1 : 0.1 * log(factor) + 1)) < 1e-9
          && !["phi3", "gemma3_text"].contains(modelType)
      }
    let key = (config.value["rope_scaling"] ?? .null) == .null ? "rope_parameters" : "rope_scaling"
    guard isSupported, c.parts.windowedRotary.map({ $0.scaling == RotaryEmbedding.Scaling.none }) ?? true else {
      throw config.child(key, config.value[key] ?? .null).error(
        expected: "a kind of scaling that llama.cpp's \(name) has: linear"
          + (hasFrequencyTensor ? ", llama3" : "") + (modelType == "phi3" ? "" : ", yarn as by default"))
    }
  }
}
