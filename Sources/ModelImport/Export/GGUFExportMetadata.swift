// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels
import TorchNN

extension GGUFFamily {
  /// The keys of the architecture.
  func metadata(_ c: DecoderConfiguration) -> [(key: String, value: GGUFEntry)] {
    var entries: [(key: String, value: GGUFEntry)] = []
    func count(_ key: String, _ value: Int) { entries.append((name + "." + key, .count(value))) }
    func number(_ key: String, _ value: Double) { entries.append((name + "." + key, .float32(Float(value)))) }
    count("vocab_size", c.vocabularySize)
    count("block_count", c.layers)
    count("context_length", c.contextLength)
    count("embedding_length", c.hiddenSize)
    count("feed_forward_length", c.intermediateSize)
    count("attention.head_count", c.heads)
    count("attention.head_count_kv", c.keyValueHeads)
    count("attention.key_length", c.headDimension)
    count("attention.value_length", c.headDimension)
    number("attention.layer_norm_rms_epsilon", c.epsilon)
    count("rope.dimension_count", c.parts.rotaryDimension ?? c.headDimension)
    number("rope.freq_base", c.theta)
    if let experts = c.parts.experts {
      count("expert_count", experts.count)
      count("expert_used_count", experts.chosen)
      count("expert_feed_forward_length", experts.intermediateSize)
    }
    if modelType == "granite" {
      number("embedding_scale", c.parts.embeddingScale)
      number("residual_scale", c.parts.residualScale)
      number("logit_scale", 1 / c.parts.logitScale)
      number("attention.scale", c.parts.scores.scale ?? scale(c))
    }
    if let cap = c.parts.scores.cap { number("attn_logit_softcapping", cap) }
    if let cap = c.parts.logitCap { number("final_logit_softcapping", cap) }
    return entries + windows(c) + scaling(c)
  }

  private func windows(_ c: DecoderConfiguration) -> [(key: String, value: GGUFEntry)] {
    let key = name + ".attention.sliding_window"
    let width = c.parts.windows.lazy.compactMap { $0 }.first
    if modelType == "phi3" { return [(key, .count(width ?? 0))] }  // 0 tells llama.cpp that there is none
    guard windowPeriod != nil else { return [] }
    var entries: [(key: String, value: GGUFEntry)] = [(key, .count(width ?? c.contextLength))]
    let isWindowed = (0..<c.layers).map { c.parts.windows.isEmpty ? false : c.parts.windows[$0] != nil }
    if isWindowed != windowedByDefault(c.layers) { entries.append((key + "_pattern", .bools(isWindowed))) }
    if let local = c.parts.windowedRotary {
      entries.append((name + ".rope.freq_base_swa", .float32(Float(local.theta))))
    }
    return entries
  }

  private func scaling(_ c: DecoderConfiguration) -> [(key: String, value: GGUFEntry)] {
    let prefix = name + ".rope.scaling."
    switch c.scaling {
    case .none where modelType == "phi3":
      return [(prefix + "original_context_length", .count(c.contextLength))]
    case .none, .llama3, .dynamic: return []
    case .linear(let factor):
      return [(prefix + "type", .string("linear")), (prefix + "factor", .float32(Float(factor)))]
    case .yarn(let factor, let fast, let slow, let length, _, _):
      return [
        (prefix + "type", .string("yarn")), (prefix + "factor", .float32(Float(factor))),
        (prefix + "original_context_length", .count(length)), (prefix + "yarn_beta_fast", .float32(Float(fast))),
        (prefix + "yarn_beta_slow", .float32(Float(slow))),
      ]
    case .longrope(_, _, let length, let attention):
      return [
        (prefix + "type", .string("longrope")), (prefix + "original_context_length", .count(length)),
        (prefix + "attn_factor", .float32(Float(attention))),
      ]
    }
  }

  /// What frequencies are divided by, where files keep that as tensors.
  func rotaryTensors(_ c: DecoderConfiguration) -> [GGUFSource] {
    func source(_ name: String, _ factors: [Double]) -> GGUFSource {
      GGUFSource(name: name, type: .f32, shape: [factors.count]) { sink in
        try factors.map(Float.init).withUnsafeBufferPointer { try sink($0) }
      }
    }
    switch c.scaling {
    case .llama3(let factor, let low, let high, let length):
      let factors = llama3Factors(
        c.headDimension / 2, theta: c.theta, factor: factor, low: low, high: high, originalLength: length)
      return [source(rotaryTensorNames[0], factors)]
    case .longrope(let short, let long, _, _):
      return [source(rotaryTensorNames[1], short), source(rotaryTensorNames[2], long)]
    default: return []
    }
  }
}
