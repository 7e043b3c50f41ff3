// SPDX-License-Identifier: Apache-2.0
public import Files
import TorchNN

extension DecoderConfiguration {
  /// Reads `config.json` of any family of ``CausalLM/modelTypes``, or the decoder of a `phi3_v` model, with the
  /// defaults of transformers; without `model_type` that of a Llama.
  ///
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for every option
  ///   that would change the computation and is not implemented.
  public init(_ config: JSONReader) throws(InputError) {
    try self.init(config, DecoderFamily.of(config))
  }

  /// Reads the configuration of a decoder of this family.
  init(_ config: JSONReader, _ family: DecoderFamily) throws(InputError) {
    let config = try config.completed(with: family.defaults)
    try config.refuseUnsupported()
    let heads = try config.count(.heads, limit: 1 << 12)
    let hiddenSize = try config.count(.hiddenSize, limit: 1 << 20)
    let headDimension = try config.count(.headDimension, default: hiddenSize / heads, limit: 1 << 16)
    self.init(
      vocabularySize: try config.count(.vocabularySize, limit: 1 << 24),
      hiddenSize: hiddenSize,
      intermediateSize: try config.count(.intermediateSize, limit: 1 << 22),
      layers: try config.count(.layers, limit: 1 << 12),
      heads: heads,
      keyValueHeads: try config.count(.keyValueHeads, default: heads, limit: heads),
      headDimension: headDimension,
      contextLength: try config.count(.contextLength, limit: 1 << 31),
      epsilon: try config.positive(.epsilon),
      tiesEmbeddings: try config[.tiesEmbeddings]?.bool() ?? false,
      attentionBias: try config[.attentionBias]?.bool() ?? false,
      mlpBias: try config[.mlpBias]?.bool() ?? false,
      initialDeviation: try config.positive(.initialDeviation, default: 0.02),
      beginToken: try config[.beginToken]?.int(),
      endTokens: try config.tokens(.endToken))
    parts.activation = try Activation(config, key: Key.activation.rawValue, default: .silu)
    try family.read(&self, config)
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
      let section = try config[.ropeScaling] == nil ? Key.ropeParameters : .ropeScaling
      for (key, factors) in [(Key.shortFactor, short), (.longFactor, long)] where factors.count != rotaryDimension / 2 {
        throw config.member(section).error(
          expected: "\(rotaryDimension / 2) numbers in \(key.rawValue), one for each pair of coordinates",
          found: "\(factors.count)")
      }
    }
    if headDimension % 2 != 0 {
      throw config.member(.headDimension).error(expected: "an even width of a head", found: "\(headDimension)")
    }
    if rotaryDimension % 2 != 0 || rotaryDimension < 2 {
      throw config.member(.partialRotary).error(
        expected: "an even number of a head's \(headDimension) coordinates", found: "\(rotaryDimension)")
    }
  }
}

extension JSONReader {
  typealias Key = DecoderConfiguration.Key

  subscript(key: Key) -> JSONReader? {
    get throws(InputError) { try ifPresent(key.rawValue) }
  }

  /// The member as errors name it, present or not.
  func member(_ key: Key) -> JSONReader { child(key.rawValue, value[key.rawValue] ?? .null) }

  /// With the defaults of keys that are absent. null is a value: it stands for none.
  func completed(with defaults: JSON) throws(InputError) -> JSONReader {
    var object = try object()
    guard case .object(let defaults) = defaults else { return self }
    for (key, value) in defaults.members where object[key] == nil { object[key] = value }
    return JSONReader(.object(object), path: path, keyPath: keyPath)
  }

  /// A whole number of `1 ... limit`.
  func count(_ key: Key, default: Int? = nil, limit: Int) throws(InputError) -> Int {
    if let `default`, try self[key] == nil { return `default` }
    let member = try at(key.rawValue), value = try member.int()
    guard (1...limit).contains(value) else { throw member.error(expected: "a whole number of 1 ... \(limit)") }
    return value
  }

  /// A number above 0.
  func positive(_ key: Key, default: Double? = nil) throws(InputError) -> Double {
    guard let member = try self[key] else {
      if let `default` { return `default` }
      return try at(key.rawValue).double()
    }
    let value = try member.double()
    guard value > 0, value.isFinite else { throw member.error(expected: "a number above 0") }
    return value
  }

  /// A number above 0, or nil where there is none.
  func positiveIfPresent(_ key: Key) throws(InputError) -> Double? { try self[key] == nil ? nil : positive(key) }

  /// Absent, one id, or a list of them.
  fileprivate func tokens(_ key: Key) throws(InputError) -> [Int] {
    guard let member = try self[key] else { return [] }
    guard case .array = member.value else { return [try member.int()] }
    return try member.integers()
  }

  /// The elements of a list of whole numbers.
  func integers() throws(InputError) -> [Int] {
    var integers: [Int] = []
    for element in try elements() { integers.append(try element.int()) }
    return integers
  }

  /// Options that would change the computation and are not implemented.
  func refuseUnsupported() throws(InputError) {
    for key in [Key.attentionDropout, .residualDropout, .embeddingDropout] {
      if let dropout = try self[key], try dropout.double() != 0 { throw dropout.unsupported("0") }
    }
    if let parts = try self[.tensorParallel], try parts.int() != 1 { throw parts.unsupported("1") }
    if let quantization = try self[.quantization] {
      throw quantization.unsupported(
        "unquantised weights", remedy: "Dequantise the model first; dist2 import does so for GGUF.")
    }
    // Of models that were made to read in both directions, such as LLM2Vec's.
    if let causal = try self[.isCausal], try !causal.bool() { throw causal.unsupported("true") }
    if let both = try self[.isBidirectional], try both.bool() { throw both.unsupported("false") }
  }

  func unsupported(_ supported: String, remedy: String = "") -> InputError {
    error(expected: "\(supported), the only thing supported", remedy: remedy)
  }
}
