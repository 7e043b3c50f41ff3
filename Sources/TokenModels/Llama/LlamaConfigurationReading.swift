// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
import TorchNN

extension LlamaConfiguration {
  /// Reads `config.json` of a `llama`, `mistral` or `phi3` model, or the decoder of a `phi3_v` model, with the defaults
  /// of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for every option
  ///   that would change the computation and is not implemented.
  public init(_ config: JSONReader) throws(InputError) {
    let type = try config[.modelType]?.string(), isMistral = type == "mistral"
    let isPhi = type == "phi3" || type == "phi3_v"
    try config.refuseUnsupported(slidingWindowDefault: isMistral ? 4096 : nil)

    let heads = try config.count(.heads, default: 32, limit: 1 << 12)
    let hiddenSize = try config.count(.hiddenSize, default: isPhi ? 3072 : 4096, limit: 1 << 20)
    let contextLength = try config.count(
      .contextLength, default: isMistral ? 131_072 : isPhi ? 4096 : 2048, limit: 1 << 31)
    let (theta, scaling) = try config.rope(contextLength: contextLength, isPhi: isPhi)
    self.init(
      vocabularySize: try config.count(.vocabularySize, default: isPhi ? 32_064 : 32_000, limit: 1 << 24),
      hiddenSize: hiddenSize,
      intermediateSize: try config.count(
        .intermediateSize, default: isMistral ? 14_336 : isPhi ? 8192 : 11_008, limit: 1 << 22),
      layers: try config.count(.layers, default: 32, limit: 1 << 12),
      heads: heads,
      keyValueHeads: try config.count(.keyValueHeads, default: isMistral ? 8 : heads, limit: heads),
      headDimension: try config.count(.headDimension, default: hiddenSize / heads, limit: 1 << 16),
      contextLength: contextLength,
      epsilon: try config.positive(.epsilon, default: isPhi ? 1e-5 : 1e-6),
      theta: theta,
      scaling: scaling,
      tiesEmbeddings: try config[.tiesEmbeddings]?.bool() ?? false,
      attentionBias: isPhi ? false : try config[.attentionBias]?.bool() ?? false,
      mlpBias: isPhi ? false : try config[.mlpBias]?.bool() ?? false,
      fusesProjections: isPhi,
      initialDeviation: try config.positive(.initialDeviation, default: 0.02),
      beginToken: try config[.beginToken]?.int(),
      endTokens: try config.tokens(.endToken))
    try checkHeads(config)
  }

  private func checkHeads(_ config: JSONReader) throws(InputError) {
    if heads % keyValueHeads != 0 {
      throw config.member(.keyValueHeads).error(expected: "a divisor of the \(heads) heads", found: "\(keyValueHeads)")
    }
    if try config[.headDimension] == nil, hiddenSize % heads != 0 {
      throw config.member(.hiddenSize).error(expected: "a multiple of the \(heads) heads", found: "\(hiddenSize)")
    }
    if case .longrope(let short, let long, _, _) = scaling {
      for (key, factors) in [(Key.shortFactor, short), (.longFactor, long)] where factors.count != headDimension / 2 {
        throw config.member(.ropeScaling).error(
          expected: "\(headDimension / 2) numbers in \(key.rawValue), half the width of a head",
          found: "\(factors.count)")
      }
    }
    if headDimension % 2 != 0 {
      throw config.member(.headDimension).error(expected: "an even width of a head", found: "\(headDimension)")
    }
  }
}

extension JSONReader {
  fileprivate typealias Key = LlamaConfiguration.Key

  fileprivate subscript(key: Key) -> JSONReader? {
    get throws(InputError) { try ifPresent(key.rawValue) }
  }

  /// The member as errors name it, present or not.
  fileprivate func member(_ key: Key) -> JSONReader { child(key.rawValue, value[key.rawValue] ?? .null) }

  /// A whole number of `1 ... limit`.
  fileprivate func count(_ key: Key, default: @autoclosure () -> Int, limit: Int) throws(InputError) -> Int {
    guard let member = try self[key] else { return `default`() }
    let value = try member.int()
    guard (1...limit).contains(value) else { throw member.error(expected: "a whole number of 1 ... \(limit)") }
    return value
  }

  /// A number above 0.
  fileprivate func positive(_ key: Key, default: Double? = nil) throws(InputError) -> Double {
    guard let member = try self[key] else {
      if let `default` { return `default` }
      return try at(key.rawValue).double()
    }
    let value = try member.double()
    guard value > 0 else { throw member.error(expected: "a number above 0") }
    return value
  }

  /// Absent, one id, or a list of them.
  fileprivate func tokens(_ key: Key) throws(InputError) -> [Int] {
    guard let member = try self[key] else { return [] }
    guard case .array = member.value else { return [try member.int()] }
    var ids: [Int] = []
    for element in try member.elements() { ids.append(try element.int()) }
    return ids
  }

  /// Options that would change the computation and are not implemented.
  fileprivate func refuseUnsupported(slidingWindowDefault: Int?) throws(InputError) {
    if let activation = try self[.activation], !["silu", "swish"].contains(try activation.string()) {
      throw activation.unsupported("silu")
    }
    if let dropout = try self[.attentionDropout], try dropout.double() != 0 { throw dropout.unsupported("0") }
    for key in [Key.residualDropout, .embeddingDropout] {
      if let dropout = try self[key], try dropout.double() != 0 { throw dropout.unsupported("0") }
    }
    if let parts = try self[.tensorParallel], try parts.int() != 1 { throw parts.unsupported("1") }
    if let quantization = try self[.quantization] {
      throw quantization.unsupported(
        "unquantised weights", remedy: "Dequantise the model first; dist2 import does so for GGUF.")
    }
    if let partial = try self[.partialRotary], try partial.double() != 1 { throw partial.unsupported("1") }
    if let types = try self[.layerTypes] {
      for type in try types.elements() where try type.string() != "full_attention" {
        throw type.unsupported("full_attention")
      }
    }
    // Of models that were made to read in both directions, such as LLM2Vec's.
    if let causal = try self[.isCausal], try !causal.bool() { throw causal.unsupported("true") }
    try refuseSlidingWindow(default: slidingWindowDefault)
  }

  /// A window no shorter than the context changes nothing.
  private func refuseSlidingWindow(default: Int?) throws(InputError) {
    let isAbsent = value[Key.slidingWindow.rawValue] == nil
    let window = try self[.slidingWindow]?.int() ?? (isAbsent ? `default` : nil)
    guard let window, window < (try self[.contextLength]?.int() ?? .max) else { return }
    throw member(.slidingWindow).error(
      expected: "null, or a window of the whole context (\(Key.contextLength.rawValue))",
      found: "\(window)" + (isAbsent ? " (the default)" : ""),
      remedy: "Sliding-window attention is not supported.")
  }

  fileprivate func unsupported(_ supported: String, remedy: String = "") -> InputError {
    error(expected: "\(supported), the only thing supported", remedy: remedy)
  }
}

// MARK: Rotary embedding

extension JSONReader {
  /// θ and scaling, from `rope_scaling` and `rope_theta` (transformers 4) or `rope_parameters` (transformers 5).
  fileprivate func rope(
    contextLength: Int, isPhi: Bool
  ) throws(InputError) -> (theta: Double, scaling: RotaryEmbedding.Scaling) {
    // As in transformers, the old name wins unless it is empty.
    let theta = try positive(.ropeTheta, default: 10_000)
    let outerLength = try self[.originalLength] == nil ? nil : count(.originalLength, default: 0, limit: 1 << 31)
    for section in [try self[.ropeScaling], try self[.ropeParameters]] {
      guard let section, try section.object().count > 0 else { continue }
      let scaling = try section.scaling(
        outerLength: outerLength, contextLength: contextLength, isPhi: isPhi)
      return (try section.positive(.ropeTheta, default: theta), scaling)
    }
    return (theta, .none)
  }

  /// The scaling that a section describes. `outerLength` is the original length beside the section, which wins over
  /// the one in it.
  private func scaling(
    outerLength: Int?, contextLength: Int, isPhi: Bool
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    var typeKey = Key.ropeType
    if try self[typeKey] == nil { typeKey = .oldRopeType }
    let type = try self[typeKey]?.string() ?? "default"
    var known: [Key] = [.ropeType, .oldRopeType, .ropeTheta, .partialRotary]
    let scaling: RotaryEmbedding.Scaling
    switch type {
    case "default": scaling = .none
    case "linear":
      known.append(.factor)
      scaling = .linear(factor: try positive(.factor))
    case "llama3":
      known += [.factor, .lowFactor, .highFactor, .originalLength]
      let (low, high) = (try positive(.lowFactor), try positive(.highFactor))
      guard high > low else {
        throw member(.highFactor).error(expected: "more than \(Key.lowFactor.rawValue) (\(low))")
      }
      let ownLength = try count(.originalLength, default: contextLength, limit: 1 << 31)
      scaling = .llama3(
        factor: try positive(.factor), low: low, high: high, originalLength: outerLength ?? ownLength)
    case "longrope" where isPhi, "su" where isPhi:
      known += [.factor, .shortFactor, .longFactor, .originalLength, .attentionFactor]
      scaling = try longrope(outerLength: outerLength, contextLength: contextLength)
    default:
      throw member(typeKey).error(
        expected: isPhi
          ? "default, linear, llama3 or longrope, the only types supported"
          : "default, linear or llama3, the only types supported")
    }
    if let partial = try self[.partialRotary], try partial.double() != 1 { throw partial.unsupported("1") }
    for (name, value) in try object().members where value != .null && !known.contains(where: { $0.rawValue == name }) {
      throw child(name, value).error(expected: "no such key for \(Key.ropeType.rawValue) \(type)")
    }
    return scaling
  }

  /// Phi-3's scaling. Unless it is given, the factor of cosines and sines follows from how many times longer the
  /// context is than the original one.
  ///
  /// transformers reads the original length beside the section alone: there its class has a default, which wins over
  /// what the section says.
  private func longrope(outerLength: Int?, contextLength: Int) throws(InputError) -> RotaryEmbedding.Scaling {
    _ = try count(.originalLength, default: 1, limit: 1 << 31)
    let original = outerLength ?? 4096
    let factor = try positive(.factor, default: Double(contextLength) / Double(original))
    let natural = factor <= 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
    return .longrope(
      short: try factors(.shortFactor), long: try factors(.longFactor), originalLength: original,
      attention: try positive(.attentionFactor, default: natural))
  }

  /// One factor above 0 for each frequency.
  private func factors(_ key: Key) throws(InputError) -> [Double] {
    var factors = [Double]()
    for element in try at(key.rawValue).elements() {
      let factor = try element.double()
      guard factor > 0, factor.isFinite else { throw element.error(expected: "a number above 0") }
      factors.append(factor)
    }
    return factors
  }
}
