// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Class-conditional decoder of LlamaGen (Sun et al. 2024, arXiv 2406.06525) over the codes of a square grid, stored
/// under the published names.
///
///     x₀ = [classTable(class), codeTable(code), …]
///     hₗ = xₗ + attention(norm(xₗ)),  xₗ₊₁ = hₗ + feedForward(norm(hₗ))      for every layer l
///     hidden = norm(x_L),  logits = hidden · outputᵀ        scores of the V codes
///
/// Ids below V are codes; id V + c is class c, and V + ``classes`` no class in particular. In training mode a class is
/// replaced by that one with a probability, and embeddings, attention's output and the feed-forward's output are
/// dropped out, all drawn from torch's default generator, which the trainer seeds for every step.
///
/// Sizes in shapes: B sequences, T tokens, H hidden, D head width, V codes.
public final class LlamaGen: Module, PretrainedModel, ClassConditionalModel {
  /// The sizes and options.
  public let configuration: LlamaGenConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations = false
  @Child("cls_embedding") private var classTable: ClassTable
  @Child("tok_embeddings") private var codeTable: Embedding
  @Children("layers") private var layers: [LlamaGenLayer]
  @Child("norm") private var norm: RMSNorm
  @Child("output") private var output: Linear
  private let rotary: GridRotaryEmbedding

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["llamagen"]

  /// A model without weights (its parameters are on `.meta`): load them.
  public convenience init(_ configuration: LlamaGenConfiguration) {
    self.init(configuration, json: configuration.json)
  }

  /// A model with random initial weights: matrices and tables N(0, ``LlamaGenConfiguration/initialDeviation``),
  /// the head zero, so that every code is as likely as any other.
  public convenience init(
    _ configuration: LlamaGenConfiguration, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) {
    self.init(configuration)
    initialise(generator: generator, dtype: dtype, device: device)
  }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try LlamaGenConfiguration(config), json: config.value)
  }

  private init(_ c: LlamaGenConfiguration, json: JSON) {
    (configuration, configurationJSON) = (c, json)
    rotary = GridRotaryEmbedding(width: c.headDimension, side: c.gridSide, theta: c.theta)
    super.init()
    classTable = ClassTable(c.classes + 1, c.hiddenSize)
    codeTable = Embedding(c.codes, c.hiddenSize, device: .meta)
    layers = (0..<c.layers).map { _ in LlamaGenLayer(c) }
    norm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    output = Linear(c.hiddenSize, c.codes, bias: false, device: .meta)
  }

  /// Ids that can be read: the codes, the classes, the null class.
  public var vocabularySize: Int { configuration.codes + configuration.classes + 1 }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.hiddenSize }
  /// The class and a whole grid of codes.
  public var contextLength: Int { configuration.codesPerImage + 1 }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead { OutputHead(weight: output.weight) }
  /// Classes that can be asked for.
  public var classes: Int { configuration.classes }
  /// Tokens of an image.
  public var codesPerImage: Int { configuration.codesPerImage }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.initialDeviation, generator: generator, dtype: dtype, device: device)
    noGrad { output.weight = .zeros(output.weight.shape, dtype: dtype, device: device) }
  }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let x = embedded(input.ids)
    let view = AttentionView(input, x, rotary: rotary, pairs: .adjacent, cache: cache)
    let (last, update) = runLayers(layers, x, rows: rows, recomputing: checkpointsActivations) { _ in view }
    cache?.advance(by: x.size(1))
    return norm(last, adding: update).normalized
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(
      layers: configuration.layers, batch: batch, heads: configuration.heads, capacity: capacity,
      width: configuration.headDimension, dtype: codeTable.weight.dtype, device: codeTable.weight.device)
  }

  /// Drops the rotary table that some files hold.
  public func adapting(_ source: any WeightSource) -> any WeightSource {
    RenamedWeights(source) { $0 == "freqs_cis" ? nil : $0 }
  }

  /// Ids `[B, T]` → `[B, T, H]`.
  private func embedded(_ ids: Tensor) -> Tensor {
    let isClass = ids .>= Double(configuration.codes)
    // Both tables are read everywhere: a row is cheap, and to know where the classes are would take a look at the ids.
    let codes = codeTable(ids.maskedFill(isClass, 0))
    var classes = (ids - Tensor(scalar: Int64(configuration.codes), device: ids.device)).maskedFill(
      isClass.logicalNot(), 0)
    if isTraining, configuration.classDropout > 0 {
      let isDropped = Tensor.rand(ids.shape, device: ids.device) .< configuration.classDropout
      classes = classes.maskedFill(isDropped, Double(configuration.classes))
    }
    return Tensor.select(isClass.unsqueeze(-1), classTable.table(classes), codes)
      .dropout(configuration.tokenDropout, self)
  }
}

/// Vectors of the classes and, last, of no class.
final class ClassTable: Module {
  @Child("embedding_table") var table: Embedding

  init(_ count: Int, _ width: Int) {
    super.init()
    table = Embedding(count, width, device: .meta)
  }
}

/// One layer: attention, then a gated feed-forward, each on normalised input and added to its input.
final class LlamaGenLayer: DecoderLayer {
  @Child("attention_norm") var attentionNorm: RMSNorm
  @Child("attention") var attention: LlamaGenAttention
  @Child("ffn_norm") var feedForwardNorm: RMSNorm
  @Child("feed_forward") var feedForward: LlamaGenFeedForward

  init(_ c: LlamaGenConfiguration) {
    super.init()
    attentionNorm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    attention = LlamaGenAttention(c)
    feedForwardNorm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    feedForward = LlamaGenFeedForward(c)
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = attentionNorm(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let h = feedForwardNorm(input.sum.picking(rows), adding: attention.project(mixed.picking(rows)))
    return (h.sum, feedForward(h.normalized))
  }
}

/// Attention whose queries, keys and values come from one projection.
final class LlamaGenAttention: Module {
  @Child("wqkv") var projection: Linear
  @Child("wo") var output: Linear
  private let heads: Int, dropout: Double

  init(_ c: LlamaGenConfiguration) {
    (heads, dropout) = (c.heads, c.residualDropout)
    super.init()
    projection = Linear(c.hiddenSize, 3 * c.hiddenSize, bias: false, device: .meta)
    output = Linear(c.hiddenSize, c.hiddenSize, bias: false, device: .meta)
  }

  /// Heads side by side, before the output projection: `[B, T, H]` → `[B, T, H]`.
  func mix(_ x: Tensor, _ view: AttentionView, layer: Int) -> Tensor {
    let width = x.size(-1)
    let parts = projection(x).split([width, width, width], -1).map { part in
      part.view([x.size(0), x.size(1), heads, -1])
    }
    return view.mix(query: parts[0], key: parts[1], value: parts[2], layer: layer)
  }

  /// `[…, H]` → `[…, H]`.
  func project(_ mixed: Tensor) -> Tensor { output(mixed).dropout(dropout, self) }
}

/// W₂(silu(W₁ x) ⊙ W₃ x).
final class LlamaGenFeedForward: Module {
  @Child("w1") var gate: Linear
  @Child("w3") var up: Linear
  @Child("w2") var down: Linear
  private let dropout: Double

  init(_ c: LlamaGenConfiguration) {
    dropout = c.feedForwardDropout
    super.init()
    gate = Linear(c.hiddenSize, c.intermediateSize, bias: false, device: .meta)
    up = Linear(c.hiddenSize, c.intermediateSize, bias: false, device: .meta)
    down = Linear(c.intermediateSize, c.hiddenSize, bias: false, device: .meta)
  }

  /// `[…, H]` → `[…, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let both = Linear.all([gate, up], of: x)
    return down(gate: both[0], up: both[1]).dropout(dropout, self)
  }
}

extension Tensor {
  /// Dropout while the module is trained.
  fileprivate func dropout(_ probability: Double, _ module: Module) -> Tensor {
    module.isTraining && probability > 0 ? dropout(probability, training: true) : self
  }
}
