// SPDX-License-Identifier: Apache-2.0
public import Files
public import TorchNN

/// Sizes and options of a decoder of the Llama family, as `config.json` states them.
public struct LlamaConfiguration: Sendable, Hashable {
  /// V, the number of token ids.
  public var vocabularySize: Int
  /// H, the width of hidden states.
  public var hiddenSize: Int
  /// Width of the MLP's inner layer.
  public var intermediateSize: Int
  /// Number of decoder layers.
  public var layers: Int
  /// Number of query heads.
  public var heads: Int
  /// Number of key and value heads; divides ``heads``.
  public var keyValueHeads: Int
  /// D, the width of one head.
  public var headDimension: Int
  /// Longest sequence the model was made for.
  public var contextLength: Int
  /// ε of the normalisations.
  public var epsilon: Double
  /// Base of the rotary frequencies.
  public var theta: Double
  /// How the rotary frequencies are stretched.
  public var scaling: RotaryEmbedding.Scaling
  /// Whether the output head is the embedding table.
  public var tiesEmbeddings: Bool
  /// Whether the four projections of attention have biases.
  public var attentionBias: Bool
  /// Whether the three projections of the MLP have biases.
  public var mlpBias: Bool
  /// Whether queries, keys and values, and gate and up of the MLP, are one projection each, as in Phi-3.
  public var fusesProjections: Bool
  /// Standard deviation of randomly initialised weights.
  public var initialDeviation: Double
  /// Id of the token a text begins with, if there is one.
  public var beginToken: Int?
  /// Ids that end a text.
  public var endTokens: [Int]

  /// A configuration made in code. The defaults are those of the reference implementation, apart from the sizes.
  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, keyValueHeads: Int? = nil,
    headDimension: Int? = nil, contextLength: Int = 2048, epsilon: Double = 1e-6, theta: Double = 10_000,
    scaling: RotaryEmbedding.Scaling = .none, tiesEmbeddings: Bool = false, attentionBias: Bool = false,
    mlpBias: Bool = false, fusesProjections: Bool = false, initialDeviation: Double = 0.02, beginToken: Int? = nil,
    endTokens: [Int] = []
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headDimension = headDimension ?? hiddenSize / heads
    self.contextLength = contextLength
    self.epsilon = epsilon
    self.theta = theta
    self.scaling = scaling
    self.tiesEmbeddings = tiesEmbeddings
    self.attentionBias = attentionBias
    self.mlpBias = mlpBias
    self.fusesProjections = fusesProjections
    self.initialDeviation = initialDeviation
    self.beginToken = beginToken
    self.endTokens = endTokens
  }
}

extension LlamaConfiguration {
  /// Every key of `config.json` that is read or written, once.
  enum Key: String {
    case architectures, dtype
    case modelType = "model_type"
    case vocabularySize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case keyValueHeads = "num_key_value_heads"
    case headDimension = "head_dim"
    case contextLength = "max_position_embeddings"
    case epsilon = "rms_norm_eps"
    case activation = "hidden_act"
    case attentionBias = "attention_bias"
    case attentionDropout = "attention_dropout"
    case mlpBias = "mlp_bias"
    case tiesEmbeddings = "tie_word_embeddings"
    case initialDeviation = "initializer_range"
    case beginToken = "bos_token_id"
    case endToken = "eos_token_id"
    case tensorParallel = "pretraining_tp"
    case slidingWindow = "sliding_window"
    case layerTypes = "layer_types"
    case quantization = "quantization_config"
    case ropeTheta = "rope_theta"
    case ropeScaling = "rope_scaling"
    case ropeParameters = "rope_parameters"
    case ropeType = "rope_type"
    case oldRopeType = "type"
    case factor
    case lowFactor = "low_freq_factor"
    case highFactor = "high_freq_factor"
    case originalLength = "original_max_position_embeddings"
    case shortFactor = "short_factor"
    case longFactor = "long_factor"
    case attentionFactor = "attention_factor"
    case residualDropout = "resid_pdrop"
    case embeddingDropout = "embd_pdrop"
    case partialRotary = "partial_rotary_factor"
    case isCausal = "is_causal"
  }

  /// The configuration as `config.json`, in the layout that every version of transformers reads.
  public var json: JSON {
    var object = JSONObject()
    func set(_ key: Key, _ value: JSON) { object[key.rawValue] = value }
    set(.architectures, [fusesProjections ? "Phi3ForCausalLM" : "LlamaForCausalLM"])
    set(.modelType, fusesProjections ? "phi3" : "llama")
    set(.vocabularySize, .int(vocabularySize))
    set(.hiddenSize, .int(hiddenSize))
    set(.intermediateSize, .int(intermediateSize))
    set(.layers, .int(layers))
    set(.heads, .int(heads))
    set(.keyValueHeads, .int(keyValueHeads))
    set(.headDimension, .int(headDimension))
    set(.contextLength, .int(contextLength))
    set(.epsilon, .double(epsilon))
    set(.activation, "silu")
    set(.attentionBias, .bool(attentionBias))
    set(.mlpBias, .bool(mlpBias))
    set(.tiesEmbeddings, .bool(tiesEmbeddings))
    set(.initialDeviation, .double(initialDeviation))
    set(.beginToken, beginToken.map { .int($0) } ?? .null)
    set(
      .endToken, endTokens.count == 1 ? .int(endTokens[0]) : endTokens.isEmpty ? .null : .array(endTokens.map(JSON.int))
    )
    set(.ropeTheta, .double(theta))
    set(.ropeScaling, scalingJSON)
    if case .longrope(_, _, let length, _) = scaling { set(.originalLength, .int(length)) }
    return .object(object)
  }

  private var scalingJSON: JSON {
    switch scaling {
    case .none: .null
    case .linear(let factor): [Key.ropeType.rawValue: "linear", Key.factor.rawValue: .double(factor)]
    case .llama3(let factor, let low, let high, let originalLength):
      [
        Key.ropeType.rawValue: "llama3", Key.factor.rawValue: .double(factor), Key.lowFactor.rawValue: .double(low),
        Key.highFactor.rawValue: .double(high), Key.originalLength.rawValue: .int(originalLength),
      ]
    case .longrope(let short, let long, _, let attention):
      [
        Key.ropeType.rawValue: "longrope", Key.shortFactor.rawValue: .array(short.map(JSON.double)),
        Key.longFactor.rawValue: .array(long.map(JSON.double)), Key.attentionFactor.rawValue: .double(attention),
      ]
    }
  }
}
