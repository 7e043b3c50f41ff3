// SPDX-License-Identifier: Apache-2.0
public import Files

/// Sizes and options of a ``GPT2`` model, as `config.json` states them.
public struct GPT2Configuration: Sendable, Hashable {
  /// V, the number of token ids.
  public let vocabularySize: Int
  /// Longest sequence: there is a vector for each position.
  public let contextLength: Int
  /// H, the width of hidden states.
  public let hiddenSize: Int
  /// Width of the MLP's inner layer.
  public let intermediateSize: Int
  /// Number of layers.
  public let layers: Int
  /// Number of heads; divides ``hiddenSize``.
  public let heads: Int
  /// ε of the normalisations.
  public let epsilon: Double
  /// Dropout of embeddings while training.
  public let embeddingDropout: Double
  /// Dropout of what attention and MLP add.
  public let residualDropout: Double
  /// Dropout of attention's weights.
  public let attentionDropout: Double
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
    for (key, only) in [
      ("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false),
      ("is_causal", true),
    ] {
      if let option = try config.ifPresent(key), try option.bool() != only { throw option.unsupported("\(only)") }
    }
    if let quantization = try config[.quantization] { throw quantization.unsupported("unquantised weights") }
    vocabularySize = try config.count("vocab_size", default: 50_257, limit: 1 << 24)
    contextLength = try config.count("n_positions", default: 1024, limit: 1 << 24)
    hiddenSize = try config.count("n_embd", default: 768, limit: 1 << 20)
    intermediateSize = try config.count("n_inner", default: 4 * hiddenSize, limit: 1 << 22)
    layers = try config.count("n_layer", default: 12, limit: 1 << 12)
    heads = try config.count("n_head", default: 12, limit: 1 << 12)
    guard hiddenSize % heads == 0 else {
      throw config.child("n_embd", .int(hiddenSize)).error(expected: "a multiple of the \(heads) heads")
    }
    epsilon = try config.number("layer_norm_epsilon", default: 1e-5, above: 0)
    embeddingDropout = try config.dropout("embd_pdrop")
    residualDropout = try config.dropout("resid_pdrop")
    attentionDropout = try config.dropout("attn_pdrop")
    tiesEmbeddings = try config.ifPresent("tie_word_embeddings")?.bool() ?? true
    initialDeviation = try config.number("initializer_range", default: 0.02, above: 0)
    activation = try Activation(config, key: "activation_function", default: .geluTanh)
  }
}

extension JSONReader {
  /// A probability below 1; 0.1 if there is none.
  fileprivate func dropout(_ key: String) throws(InputError) -> Double {
    guard let member = try ifPresent(key) else { return 0.1 }
    let value = try member.double()
    guard (0..<1).contains(value) else { throw member.error(expected: "a probability below 1") }
    return value
  }
}
