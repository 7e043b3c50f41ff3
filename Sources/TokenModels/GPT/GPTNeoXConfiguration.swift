// SPDX-License-Identifier: Apache-2.0
public import Files
public import TorchNN

/// Sizes and options of a ``GPTNeoX`` model, as `config.json` states them.
public struct GPTNeoXConfiguration: Sendable, Hashable {
  /// V, the number of token ids.
  public let vocabularySize: Int
  /// H, the width of hidden states.
  public let hiddenSize: Int
  /// Width of the MLP's inner layer.
  public let intermediateSize: Int
  /// Number of layers.
  public let layers: Int
  /// Number of heads; divides ``hiddenSize``.
  public let heads: Int
  /// Longest sequence the model was made for.
  public let contextLength: Int
  /// ε of the normalisations.
  public let epsilon: Double
  /// Base of the rotary frequencies.
  public let theta: Double
  /// How the rotary frequencies are stretched.
  public let scaling: RotaryEmbedding.Scaling
  /// Coordinates of a head that are rotated, the first ones.
  public let rotaryDimension: Int
  /// Whether the MLP reads the layer's input, not the sum after attention.
  public let isParallel: Bool
  /// Whether attention's projections have biases.
  public let attentionBias: Bool
  /// Whether the output head is the embedding table.
  public let tiesEmbeddings: Bool
  /// Standard deviation of randomly initialised weights.
  public let initialDeviation: Double
  let activation: Activation

  /// D, the width of one head.
  public var headDimension: Int { hiddenSize / heads }

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for options that are
  ///   not supported.
  public init(_ config: JSONReader) throws(InputError) {
    let config = try config.completed(with: [
      "vocab_size": 50_432, "hidden_size": 6144, "intermediate_size": 24_576, "num_hidden_layers": 44,
      "num_attention_heads": 64, "max_position_embeddings": 2048, "layer_norm_eps": 1e-5,
    ])
    for key in ["attention_dropout", "hidden_dropout"] {
      if let dropout = try config.ifPresent(key), try dropout.double() != 0 { throw dropout.unsupported("0") }
    }
    // What all decoders have is read as theirs is, under the names they have in common.
    let renamed = try config.renamed(["layer_norm_eps": "rms_norm_eps", "rotary_emb_base": "rope_theta"])
      .renamed(["rotary_pct": "partial_rotary_factor"])
    try renamed.refuseUnsupported()
    var common = DecoderConfiguration(
      vocabularySize: try renamed.count(.vocabularySize, limit: 1 << 24),
      hiddenSize: try renamed.count(.hiddenSize, limit: 1 << 20),
      intermediateSize: try renamed.count(.intermediateSize, limit: 1 << 22),
      layers: try renamed.count(.layers, limit: 1 << 12), heads: try renamed.count(.heads, limit: 1 << 12),
      contextLength: try renamed.count(.contextLength, limit: 1 << 31), epsilon: try renamed.positive(.epsilon))
    guard common.hiddenSize % common.heads == 0 else {
      throw config.member(.hiddenSize).error(expected: "a multiple of the \(common.heads) heads")
    }
    try common.readRotary(renamed, RotaryRules(partial: 0.25))
    guard common.rotaryDimension > 0, common.rotaryDimension % 2 == 0 else {
      throw config.child("rotary_pct", config.value["rotary_pct"] ?? .null).error(
        expected: "an even number of a head's \(common.headDimension) coordinates", found: "\(common.rotaryDimension)")
    }
    (vocabularySize, hiddenSize, intermediateSize) = (common.vocabularySize, common.hiddenSize, common.intermediateSize)
    (layers, heads, contextLength, epsilon) = (common.layers, common.heads, common.contextLength, common.epsilon)
    (theta, scaling, rotaryDimension) = (common.theta, common.scaling, common.rotaryDimension)
    isParallel = try config.ifPresent("use_parallel_residual")?.bool() ?? true
    attentionBias = try config[.attentionBias]?.bool() ?? true
    tiesEmbeddings = try config[.tiesEmbeddings]?.bool() ?? false
    initialDeviation = try config.positive(.initialDeviation, default: 0.02)
    activation = try Activation(config, key: DecoderConfiguration.Key.activation.rawValue, default: .gelu)
  }
}

extension JSONReader {
  /// With keys under other names, where there is none of that name yet.
  func renamed(_ names: [String: String]) throws(InputError) -> JSONReader {
    var object = try object()
    for (old, new) in names {
      guard let value = object[old], object[new] == nil else { continue }
      object[new] = value
    }
    return JSONReader(.object(object), path: path, keyPath: keyPath)
  }
}
