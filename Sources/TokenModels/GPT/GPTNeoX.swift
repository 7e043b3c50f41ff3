// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// GPT-NeoX (Black et al. 2022, arXiv 2204.06745) and Pythia (arXiv 2304.01373): LayerNorm, a part of each head rotated,
/// attention and MLP side by side.
///
///     xₗ₊₁ = xₗ + attention(norm₁ xₗ) + mlp(norm₂ xₗ)      (or one after the other, as in Llama)
///     hidden = norm(x_L),  logits = hidden · headᵀ
public final class GPTNeoX: Module, PretrainedModel {
  /// The sizes and options.
  public let configuration: GPTNeoXConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("gpt_neox.embed_in") private var embedding: Embedding
  @Children("gpt_neox.layers") private var layers: [DecoderLayer]
  @Child("gpt_neox.final_layer_norm") private var norm: LayerNorm
  @Child("embed_out") private var output: Linear
  private let rotary: RotaryEmbedding
  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations = false

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["gpt_neox"]

  /// Whether `architectures` of `config.json` name no classifier, whose head this model does not have.
  public static func isMeant(by architectures: [String]) -> Bool { !SequenceClassifier.isMeant(by: architectures) }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try GPTNeoXConfiguration(config), config.value)
  }

  private init(_ c: GPTNeoXConfiguration, _ json: JSON) {
    (configuration, configurationJSON) = (c, json)
    rotary = RotaryEmbedding(width: c.rotaryDimension, theta: c.theta, scaling: c.scaling)
    super.init()
    embedding = Embedding(c.vocabularySize, c.hiddenSize, device: .meta)
    layers = (0..<c.layers).map { _ in GPTNeoXLayer(c) }
    norm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    if !c.tiesEmbeddings { output = Linear(c.hiddenSize, c.vocabularySize, bias: false, device: .meta) }
  }

  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { configuration.contextLength }
  /// Sequences of more tokens than this have other angles (dynamic scaling); nil for none.
  public var switchingLength: Int? { rotary.switchingLength }
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
    let x = embedding(input.ids)
    let view = AttentionView(input, x, rotary: rotary, pairs: .halves, cache: cache)
    let (last, update) = runLayers(layers, x, rows: rows, recomputing: checkpointsActivations) { _ in view }
    cache?.advance(by: x.size(1))
    return norm(last, adding: update).normalized
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(
      layers: configuration.layers, batch: batch, heads: configuration.heads, capacity: capacity,
      width: configuration.headDimension, dtype: embedding.weight.dtype, device: embedding.weight.device)
  }

  /// Drops the masks and rotary frequencies that old checkpoints hold, and a head that is the embedding again.
  public func adapting(_ source: any WeightSource) -> any WeightSource {
    let isTied = configuration.tiesEmbeddings
    return RenamedWeights(source) { name in
      let isBuffer = [".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"].contains(
        where: name.hasSuffix)
      return isBuffer || (isTied && name == "embed_out.weight") ? nil : name
    }
  }
}

/// One layer, whose attention and MLP both read its input; see ``GPTNeoX``.
final class GPTNeoXLayer: DecoderLayer {
  @Child("input_layernorm") private var attentionNorm: LayerNorm
  @Child("post_attention_layernorm") private var mlpNorm: LayerNorm
  @Child("attention") private var attention: GPTNeoXAttention
  @Child("mlp.dense_h_to_4h") private var up: Linear
  @Child("mlp.dense_4h_to_h") private var down: Linear
  private let isParallel: Bool, activation: Activation

  init(_ c: GPTNeoXConfiguration) {
    (isParallel, activation) = (c.isParallel, c.activation)
    super.init()
    attentionNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    mlpNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    attention = GPTNeoXAttention(c)
    up = Linear(c.hiddenSize, c.intermediateSize, device: .meta)
    down = Linear(c.intermediateSize, c.hiddenSize, device: .meta)
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = attentionNorm(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let h = input.sum.picking(rows) + attention.output(mixed.picking(rows))
    let read = isParallel ? input.sum.picking(rows) : h
    return (h, down(activation(up(mlpNorm(read)))))
  }
}

/// Attention whose queries, keys and values come from one projection, those of a head side by side.
final class GPTNeoXAttention: Module {
  @Child("query_key_value") private var projection: Linear
  @Child("dense") var output: Linear
  private let heads: Int

  init(_ c: GPTNeoXConfiguration) {
    heads = c.heads
    super.init()
    projection = Linear(c.hiddenSize, 3 * c.hiddenSize, bias: c.attentionBias, device: .meta)
    output = Linear(c.hiddenSize, c.hiddenSize, bias: c.attentionBias, device: .meta)
  }

  /// Heads side by side, before the output projection: `[B, T, H]` → `[B, T, H]`.
  func mix(_ x: Tensor, _ view: AttentionView, layer: Int) -> Tensor {
    let parts = projection(x).view([x.size(0), x.size(1), heads, -1]).chunk(3, -1)
    return view.mix(query: parts[0], key: parts[1], value: parts[2], layer: layer)
  }
}
