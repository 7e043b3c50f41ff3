// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Causal decoder of the Llama family: Llama 2 and 3, SmolLM2, Mistral and Phi-3 without sliding window.
///
///     x₀ = embedding(ids)
///     hₗ = xₗ + attention(norm(xₗ)),  xₗ₊₁ = hₗ + mlp(norm(hₗ))      for every layer l
///     hidden = norm(x_L),  logits = hidden · headᵀ
///
/// Sizes in shapes: B sequences, T new tokens, S keys (T and those in the cache), H hidden, D head width, V ids.
public final class Llama: Module, PretrainedModel {
  /// The sizes and options.
  public let configuration: LlamaConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("model") var decoder: LlamaDecoder
  @Child("lm_head") private var output: Linear

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["llama", "mistral", "phi3"]

  /// A model without weights (its parameters are on `.meta`): load or `Module/initialise(standardDeviation:generator:dtype:device:)`.
  public convenience init(_ configuration: LlamaConfiguration) {
    self.init(configuration, json: configuration.json)
  }

  /// A model with random initial weights.
  public convenience init(
    _ configuration: LlamaConfiguration, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) {
    self.init(configuration)
    initialise(generator: generator, dtype: dtype, device: device)
  }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try LlamaConfiguration(config), json: config.value)
  }

  private init(_ configuration: LlamaConfiguration, json: JSON) {
    (self.configuration, configurationJSON) = (configuration, json)
    super.init()
    decoder = LlamaDecoder(configuration)
    if !configuration.tiesEmbeddings {
      output = Linear(configuration.hiddenSize, configuration.vocabularySize, bias: false, device: .meta)
    }
  }

  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations: Bool {
    get { decoder.recomputesLayers }
    set { decoder.recomputesLayers = newValue }
  }
  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { configuration.contextLength }
  /// Sequences of more tokens than this have other angles (LongRoPE); nil for none.
  public var switchingLength: Int? { configuration.switchingLength }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead {
    OutputHead(weight: configuration.tiesEmbeddings ? decoder.embedding.weight : output.weight)
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.initialDeviation, generator: generator, dtype: dtype, device: device)
  }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    decoder(decoder.embedding(input.ids), input, cache: cache, rows: rows)
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    decoder.makeCache(configuration, batch: batch, capacity: capacity)
  }

  /// The source with names as this model has them.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try configuration.adapting(source, prefix: "")
  }
}

extension LlamaConfiguration {
  /// See ``TokenModel/switchingLength``.
  var switchingLength: Int? {
    if case .longrope(_, _, let length, _) = scaling { return length }
    return nil
  }

  /// Drops what old checkpoints hold besides parameters: rotary frequencies, and a head that is the embedding again.
  ///
  /// - Parameter prefix: what stands before the names of the language model.
  func adapting(_ source: any WeightSource, prefix: String) throws -> any WeightSource {
    let table = prefix + "model.embed_tokens.weight", head = prefix + "lm_head.weight"
    let hasBoth = tiesEmbeddings && source.entry(table) != nil && source.entry(head) != nil
    if hasBoth, try !source.tensor(head).isEqual(to: source.tensor(table)) {
      throw InputError(
        path: source.entry(head)?.path ?? source.path, place: "tensor \(head)",
        expected: "the values of \(table), since config.json ties the two", found: "others",
        remedy: "Set \(LlamaConfiguration.Key.tiesEmbeddings.rawValue) to false in config.json to keep both.")
    }
    return RenamedWeights(source) { name in
      if name.hasSuffix("rotary_emb.inv_freq") { return nil }
      guard tiesEmbeddings, name == head else { return name }
      return hasBoth ? nil : table  // a tied checkpoint may hold either
    }
  }
}

/// The model without its head: embeddings in, hidden states out.
final class LlamaDecoder: Module {
  @Child("embed_tokens") var embedding: Embedding
  @Children("layers") var layers: [LlamaLayer]
  @Child("norm") var norm: RMSNorm
  private let rotary: RotaryEmbedding
  /// See ``PretrainedModel/checkpointsActivations``.
  var recomputesLayers = false

  init(_ c: LlamaConfiguration) {
    rotary = RotaryEmbedding(width: c.headDimension, theta: c.theta, scaling: c.scaling)
    super.init()
    embedding = Embedding(c.vocabularySize, c.hiddenSize, device: .meta)
    layers = (0..<c.layers).map { _ in LlamaLayer(c) }
    norm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
  }

  /// `x` `[B, T, H]` → `[B, T, H]`, or `[N, H]` with `rows`; see ``TokenModel/hidden(_:cache:rows:)``.
  func callAsFunction(_ x: Tensor, _ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let view = AttentionView(input, x, rotary: rotary, pairs: .halves, cache: cache)
    let (last, update) = runLayers(layers, x, view, rows: rows, recomputing: recomputesLayers)
    cache?.advance(by: x.size(1))
    return norm(last, adding: update).normalized
  }

  /// See ``TokenModel/makeCache(batch:capacity:)``.
  func makeCache(_ c: LlamaConfiguration, batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(
      layers: c.layers, batch: batch, heads: c.keyValueHeads, capacity: capacity, width: c.headDimension,
      dtype: embedding.weight.dtype, device: embedding.weight.device)
  }
}

/// One layer: attention, then a gated MLP, each on normalised input and added to its input.
final class LlamaLayer: Module, DecoderLayer {
  @Child("input_layernorm") var attentionNorm: RMSNorm
  @Child("self_attn") var attention: LlamaAttention
  @Child("post_attention_layernorm") var mlpNorm: RMSNorm
  @Child("mlp") var mlp: LlamaMLP

  init(_ c: LlamaConfiguration) {
    super.init()
    attentionNorm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    attention = LlamaAttention(c)
    mlpNorm = RMSNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    mlp = LlamaMLP(c)
  }

  func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = attentionNorm(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let h = mlpNorm(input.sum.picking(rows), adding: attention.output(mixed.picking(rows)))
    return (h.sum, mlp(h.normalized))
  }
}

/// Grouped-query attention with rotated queries and keys.
final class LlamaAttention: Module {
  @OptionalChild("q_proj") private var query: Linear?
  @OptionalChild("k_proj") private var key: Linear?
  @OptionalChild("v_proj") private var value: Linear?
  @Child("o_proj") var output: Linear
  // In the place of the first three.
  @OptionalChild("qkv_proj") private var fused: Linear?
  private let headDimension: Int, widths: [Int]

  init(_ c: LlamaConfiguration) {
    headDimension = c.headDimension
    widths = [c.heads, c.keyValueHeads, c.keyValueHeads].map { $0 * c.headDimension }
    super.init()
    if c.fusesProjections {
      fused = Linear(c.hiddenSize, widths.reduce(0, +), bias: c.attentionBias, device: .meta)
    } else {
      query = Linear(c.hiddenSize, widths[0], bias: c.attentionBias, device: .meta)
      key = Linear(c.hiddenSize, widths[1], bias: c.attentionBias, device: .meta)
      value = Linear(c.hiddenSize, widths[2], bias: c.attentionBias, device: .meta)
    }
    output = Linear(c.heads * c.headDimension, c.hiddenSize, bias: c.attentionBias, device: .meta)
  }

  /// softmax(Q Kᵀ/√D) V, heads side by side, before the output projection: `[B, T, H]` → `[B, T, heads·D]`.
  func mix(_ x: Tensor, _ view: AttentionView, layer: Int) -> Tensor {
    let (batch, length) = (x.size(0), x.size(1))
    // [B, T, heads, D] each
    let parts = fused.map { $0(x).split(widths, -1) } ?? Linear.all([query, key, value].compactMap { $0 }, of: x)
    let heads = parts.map { $0.view([batch, length, -1, headDimension]) }
    return view.mix(query: heads[0], key: heads[1], value: heads[2], layer: layer)
  }
}

/// W_down(silu(W_gate x) ⊙ W_up x).
final class LlamaMLP: Module {
  @OptionalChild("gate_proj") private var gate: Linear?
  @OptionalChild("up_proj") private var up: Linear?
  @Child("down_proj") private var down: Linear
  // In the place of the first two.
  @OptionalChild("gate_up_proj") private var fused: Linear?

  init(_ c: LlamaConfiguration) {
    super.init()
    if c.fusesProjections {
      fused = Linear(c.hiddenSize, 2 * c.intermediateSize, bias: c.mlpBias, device: .meta)
    } else {
      gate = Linear(c.hiddenSize, c.intermediateSize, bias: c.mlpBias, device: .meta)
      up = Linear(c.hiddenSize, c.intermediateSize, bias: c.mlpBias, device: .meta)
    }
    down = Linear(c.intermediateSize, c.hiddenSize, bias: c.mlpBias, device: .meta)
  }

  /// `[…, H]` → `[…, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    if let fused { return down(swiGLU(fused(x))) }
    let both = Linear.all([gate, up].compactMap { $0 }, of: x)
    return down(gate: both[0], up: both[1])
  }
}
