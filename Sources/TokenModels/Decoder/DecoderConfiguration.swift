// SPDX-License-Identifier: Apache-2.0
public import TorchNN

/// Sizes and options of a decoder, as `config.json` states them. Made in code it is one of the Llama family, or Phi-3's.
public struct DecoderConfiguration: Sendable, Hashable {
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
  /// What sets its family apart from Llama.
  public internal(set) var parts = DecoderParts()

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
