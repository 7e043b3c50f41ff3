// SPDX-License-Identifier: Apache-2.0
public import TorchNN

/// What sets a family of decoders apart from Llama, whose parts are the defaults.
public struct DecoderParts: Sendable, Hashable {
  /// Where a layer normalises.
  public enum NormPlacement: Sendable, Hashable {
    /// What attention and MLP read.
    case before
    /// What they give.
    case after
    /// Both.
    case around
  }

  /// What of queries and keys is normalised before they are rotated.
  public enum QueryKeyNorm: Sendable, Hashable {
    /// Every head by itself.
    case eachHead
    /// All heads together.
    case allHeads
  }

  /// Experts in the place of the MLP: each token is sent to a few of them.
  public struct Experts: Sendable, Hashable {
    /// Number of experts.
    public var count: Int
    /// How many a token is sent to.
    public var chosen: Int
    /// Width of an expert's inner layer.
    public var intermediateSize: Int
    /// Whether the weights of those chosen are made to sum to 1.
    public var normalisesChoice: Bool
    /// Layers that keep an MLP of the usual width.
    public var denseLayers: Set<Int>
  }

  /// Which frequencies rotate queries and keys.
  public struct Rotary: Sendable, Hashable {
    /// Base of the frequencies.
    public var theta: Double
    /// How they are stretched.
    public var scaling: RotaryEmbedding.Scaling
    /// Coordinates of a head that are rotated, the first ones.
    public var dimension: Int
    /// Which of a token's three positions turns each pair; nil: it has one.
    public var axes: RotaryAxes?
  }

  /// Queries grow with their position: q · (1 + β ln(1 + ⌊position / length⌋)), as in Ministral 3.
  public struct QueryTemperature: Sendable, Hashable {
    /// β.
    public var beta: Double
    /// Tokens after which the factor takes its first step.
    public var length: Int
  }

  /// How one layer attends.
  struct Layout: Sendable, Hashable {
    /// Keys that a query sees, its own included; nil: all before it.
    var window: Int?
    /// nil: attention knows no positions.
    var rotary: Rotary?
  }

  /// Where layers normalise.
  public var norms = NormPlacement.before
  /// Whether the weights of all normalisations are what their scales differ from 1 by.
  public var normsAreOffset = false
  /// What of queries and keys is normalised.
  public var queryKeyNorm: QueryKeyNorm?
  /// Whether attention's output projection has a bias; nil: as those of queries, keys and values.
  public var outputBias: Bool?
  /// How products of queries and keys become weights.
  public var scores = AttentionScores()
  /// How queries grow with their position.
  public var queryTemperature: QueryTemperature?
  /// Experts in the place of MLPs.
  public var experts: Experts?
  /// Factor of embeddings.
  public var embeddingScale = 1.0
  /// Factor of what attention and MLP add.
  public var residualScale = 1.0
  /// Factor of logits.
  public var logitScale = 1.0
  /// Bound that logits approach.
  public var logitCap: Double?
  /// For each layer how many keys a query sees, its own included; nil: all before it. Empty: all layers see all.
  public var windows: [Int?] = []
  /// Coordinates of a head that are rotated, the first ones, the others passing as they are; nil: all.
  public var rotaryDimension: Int?
  /// Which of a token's three positions turns each pair of coordinates (M-RoPE); nil: a token has one.
  public var rotaryAxes: RotaryAxes?
  /// Rotation in layers with a window, where it is another one.
  public var windowedRotary: Rotary?
  /// Layers whose attention knows no positions.
  public var unrotatedLayers: Set<Int> = []
  /// Whether the tokens of a prompt see each other in both directions.
  public var seesWholePrompts = false
  /// Whether the tokens of an image see each other in both directions, as far as a layer's window reaches.
  public var seesWholeImages = false
  /// Activation of the MLP's gate.
  package var activation = Activation.silu
}

extension DecoderConfiguration {
  /// Coordinates of a head that are rotated.
  var rotaryDimension: Int { parts.rotaryDimension ?? headDimension }

  /// How a layer attends.
  func layout(ofLayer layer: Int) -> DecoderParts.Layout {
    let window = parts.windows.isEmpty ? nil : parts.windows[layer]
    if parts.unrotatedLayers.contains(layer) { return DecoderParts.Layout(window: window, rotary: nil) }
    let local = window == nil ? nil : parts.windowedRotary
    return DecoderParts.Layout(
      window: window,
      rotary: local
        ?? DecoderParts.Rotary(theta: theta, scaling: scaling, dimension: rotaryDimension, axes: parts.rotaryAxes))
  }
}
