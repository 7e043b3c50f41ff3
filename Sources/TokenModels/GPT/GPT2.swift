// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// GPT-2 (Radford et al. 2019): a table of positions, LayerNorm before attention and MLP, dropout.
///
///     x₀ = embedding(ids) + position
///     hₗ = xₗ + attention(norm₁ xₗ),  xₗ₊₁ = hₗ + mlp(norm₂ hₗ)
///     hidden = norm(x_L),  logits = hidden · headᵀ
///
/// Its checkpoints hold the matrices of layers as `[inputs, outputs]`; here they are `[outputs, inputs]` as elsewhere.
public final class GPT2: Module, PretrainedModel {
  /// The sizes and options.
  public let configuration: GPT2Configuration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("transformer.wte") private var embedding: Embedding
  @Child("transformer.wpe") private var positions: Embedding
  @Children("transformer.h") private var layers: [DecoderLayer]
  @Child("transformer.ln_f") private var norm: LayerNorm
  @Child("lm_head") private var output: Linear
  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations = false

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["gpt2"]

  /// Whether `architectures` of `config.json` name no classifier, whose head this model does not have.
  public static func isMeant(by architectures: [String]) -> Bool { !SequenceClassifier.isMeant(by: architectures) }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try GPT2Configuration(config), config.value)
  }

  private init(_ c: GPT2Configuration, _ json: JSON) {
    (configuration, configurationJSON) = (c, json)
    super.init()
    embedding = Embedding(c.vocabularySize, c.hiddenSize, device: .meta)
    positions = Embedding(c.contextLength, c.hiddenSize, device: .meta)
    layers = (0..<c.layers).map { _ in GPT2Layer(c) }
    norm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    if !c.tiesEmbeddings { output = Linear(c.hiddenSize, c.vocabularySize, bias: false, device: .meta) }
  }

  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.hiddenSize }
  /// Longest sequence in tokens: there are no more positions.
  public var contextLength: Int { configuration.contextLength }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead {
    OutputHead(weight: configuration.tiesEmbeddings ? embedding.weight : output.weight)
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.initialDeviation, generator: generator, dtype: dtype, device: device)
  }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let length = input.ids.size(1), device = input.ids.device
    let places = input.positions(of: length, device: device) ?? .arange(from: cache?.length ?? 0, length, device)
    let x = (embedding(input.ids) + positions(places)).dropout(configuration.embeddingDropout, training: isTraining)
    let view = AttentionView(input, x, rotary: nil, pairs: .halves, cache: cache)
    let (last, update) = runLayers(layers, x, rows: rows, recomputing: checkpointsActivations) { _ in view }
    cache?.advance(by: length)
    return norm(last, adding: update).normalized
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(
      layers: configuration.layers, batch: batch, heads: configuration.heads, capacity: capacity,
      width: configuration.headDimension, dtype: embedding.weight.dtype, device: embedding.weight.device)
  }

  /// The source with names and matrices as this model has them. The first checkpoints lack the prefix, and hold masks.
  public func adapting(_ source: any WeightSource) -> any WeightSource {
    let isTied = configuration.tiesEmbeddings
    let named = RenamedWeights(source) { name in
      let isBuffer = name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
      if isBuffer || (isTied && name == "lm_head.weight") { return nil }
      return name.hasPrefix("transformer.") || name == "lm_head.weight" ? name : "transformer." + name
    }
    return TransposedWeights(named, isTransposed: Self.isTransposed)
  }

  /// A matrix of a layer lies transposed in checkpoints.
  public func stored(_ tensor: Tensor, as name: String) -> Tensor {
    Self.isTransposed(name) ? noGrad { tensor.transpose(0, 1) } : tensor
  }

  private static func isTransposed(_ name: String) -> Bool {
    ["c_attn.weight", "c_proj.weight", "c_fc.weight"].contains(where: name.hasSuffix)
  }
}

/// One layer; see ``GPT2``.
final class GPT2Layer: DecoderLayer {
  @Child("ln_1") private var attentionNorm: LayerNorm
  @Child("attn") private var attention: GPT2Attention
  @Child("ln_2") private var mlpNorm: LayerNorm
  @Child("mlp.c_fc") private var up: Linear
  @Child("mlp.c_proj") private var down: Linear
  private let dropout: Double, activation: Activation

  init(_ c: GPT2Configuration) {
    (dropout, activation) = (c.residualDropout, c.activation)
    super.init()
    attentionNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    attention = GPT2Attention(c)
    mlpNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    up = Linear(c.hiddenSize, c.intermediateSize, device: .meta)
    down = Linear(c.intermediateSize, c.hiddenSize, device: .meta)
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = attentionNorm(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let attended = attention.output(mixed.picking(rows)).dropout(dropout, training: isTraining)
    let h = mlpNorm(input.sum.picking(rows), adding: attended)
    return (h.sum, down(activation(up(h.normalized))).dropout(dropout, training: isTraining))
  }
}

/// Attention whose queries, keys and values come from one projection.
final class GPT2Attention: Module {
  @Child("c_attn") private var projection: Linear
  @Child("c_proj") var output: Linear
  private let heads: Int, dropout: Double

  init(_ c: GPT2Configuration) {
    (heads, dropout) = (c.heads, c.attentionDropout)
    super.init()
    projection = Linear(c.hiddenSize, 3 * c.hiddenSize, device: .meta)
    output = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
  }

  /// Heads side by side, before the output projection: `[B, T, H]` → `[B, T, H]`.
  func mix(_ x: Tensor, _ view: AttentionView, layer: Int) -> Tensor {
    let parts = projection(x).chunk(3, -1).map { $0.view([x.size(0), x.size(1), heads, -1]) }
    return view.mix(
      query: parts[0], key: parts[1], value: parts[2], layer: layer,
      scores: AttentionScores(dropout: isTraining ? dropout : 0))
  }
}

/// Another source's tensors, some of them transposed.
private struct TransposedWeights: WeightSource {
  private let base: any WeightSource
  private let isTransposed: (String) -> Bool

  init(_ base: any WeightSource, isTransposed: @escaping (String) -> Bool) {
    (self.base, self.isTransposed) = (base, isTransposed)
  }

  var path: String { base.path }
  var names: [String] { base.names }
  func entry(_ name: String) -> WeightEntry? {
    base.entry(name).map { entry in
      var entry = entry
      if isTransposed(name) { entry.shape.reverse() }
      return entry
    }
  }
  func tensor(_ name: String) throws -> Tensor {
    let tensor = try base.tensor(name)
    return isTransposed(name) ? tensor.transpose(0, 1).contiguous() : tensor
  }
}
