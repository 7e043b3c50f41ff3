// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Causal language model: a decoder and a head, of any family whose tensors have Llama's names. `Families/` has what sets
/// each apart, `Decoder/Layers.swift` how a layer computes.
///
///     hidden = decoder(ids),   logits = hidden · headᵀ
///
/// Sizes in shapes: B sequences, T new tokens, S keys (T and those in the cache), H hidden, D head width, V ids.
public final class CausalLM: Module, PretrainedModel {
  /// The sizes and options.
  public let configuration: DecoderConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child var decoder: Decoder
  @Child("lm_head") private var output: Linear

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = DecoderFamily.all.map(\.modelType)

  /// A model without weights (its parameters are on `.meta`): load or `Module/initialise(standardDeviation:generator:dtype:device:)`.
  public convenience init(_ configuration: DecoderConfiguration) {
    self.init(configuration, json: configuration.json)
  }

  /// A model with random initial weights.
  public convenience init(
    _ configuration: DecoderConfiguration, generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) {
    self.init(configuration)
    initialise(generator: generator, dtype: dtype, device: device)
  }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try DecoderConfiguration(config), json: config.value)
  }

  /// - Parameters:
  ///   - json: what it was read from.
  ///   - name: what stands before the decoder's names in checkpoints.
  init(_ configuration: DecoderConfiguration, json: JSON, decoder name: String = "model") {
    (self.configuration, configurationJSON) = (configuration, json)
    _decoder = Child(name)
    super.init()
    decoder = Decoder(configuration)
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
    OutputHead(
      weight: configuration.tiesEmbeddings ? decoder.embedding.weight : output.weight, cap: configuration.parts.logitCap
    )
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.initialDeviation, generator: generator, dtype: dtype, device: device)
  }

  /// Final hidden states, times the factor of logits where the family has one: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    hidden(embed(input.ids), input, cache: cache, rows: rows)
  }

  /// Integer ids `[B, T]` → what enters the first layer, `[B, T, H]`.
  func embed(_ ids: Tensor) -> Tensor { decoder.embed(ids) }

  /// The same of `x` `[B, T, H]` in the place of the embeddings of `input.ids`.
  ///
  /// - Parameter additions: what is added to the output of the first layers.
  func hidden(
    _ x: Tensor, _ input: ModelInput, cache: KeyValueCache?, rows: Tensor?, adding additions: LayerAdditions? = nil
  ) -> Tensor {
    decoder(x, input, cache: cache, rows: rows, adding: additions).times(configuration.parts.logitScale)
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    decoder.makeCache(batch: batch, capacity: capacity)
  }

  /// The source with names as this model has them.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try configuration.adapting(source, prefix: "")
  }
}

extension DecoderConfiguration {
  /// See ``TokenModel/switchingLength``.
  var switchingLength: Int? {
    switch scaling {
    case .longrope(_, _, let length, _), .dynamic(_, let length): length
    default: nil
    }
  }

  /// Drops what old checkpoints hold besides parameters: rotary frequencies, and a head that is the embedding again.
  ///
  /// - Parameter prefix: what stands before the names of the language model.
  func adapting(_ source: any WeightSource, prefix: String) throws -> any WeightSource {
    try adapting(source, table: prefix + "model.embed_tokens.weight", head: prefix + "lm_head.weight")
  }

  /// The same where embeddings and head have names of their own.
  func adapting(_ source: any WeightSource, table: String, head: String) throws -> any WeightSource {
    let hasBoth = tiesEmbeddings && source.entry(table) != nil && source.entry(head) != nil
    if hasBoth, try !source.tensor(head).isEqual(to: source.tensor(table)) {
      throw InputError(
        path: source.entry(head)?.path ?? source.path, place: "tensor \(head)",
        expected: "the values of \(table), since config.json ties the two", found: "others",
        remedy: "Set \(DecoderConfiguration.Key.tiesEmbeddings.rawValue) to false in config.json to keep both.")
    }
    return RenamedWeights(source) { name in
      if name.hasSuffix("rotary_emb.inv_freq") { return nil }
      guard tiesEmbeddings, name == head else { return name }
      return hasBoth ? nil : table  // a tied checkpoint may hold either
    }
  }
}
