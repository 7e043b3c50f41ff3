// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// LLaVA 1.5 (Liu et al. 2023, arXiv 2310.03744): CLIP's vision transformer, two linear layers, a decoder of the Llama
/// family. The features of an image's patches are its tokens' embeddings.
///
/// Names are those of the published checkpoints (`language_model.model.*`, `vision_tower.vision_model.*`,
/// `multi_modal_projector.*`); checkpoints of transformers 5 (`model.language_model.*`) are read as well.
public final class Llava: Module, PretrainedModel, VisionLanguageModel {
  /// Entries of `config.json` besides the two models.
  public let configuration: LlavaConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector") private var projector: LlavaProjector
  @Child("language_model") private var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["llava"]
  /// `model_type` of the decoders that it takes.
  public static let languageTypes = ["llama", "mistral", "phi3"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    try self.init(LlavaConfiguration(config), CausalLM(config: config.languageModel()), config.value)
  }

  private init(_ configuration: LlavaConfiguration, _ language: CausalLM, _ json: JSON) {
    (self.configuration, configurationJSON) = (configuration, json)
    super.init()
    tower = VisionTower(configuration.vision)
    projector = LlavaProjector(configuration, width: language.hiddenSize)
    self.language = language
  }

  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations: Bool {
    get { language.checkpointsActivations }
    set { language.checkpointsActivations = newValue }
  }
  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { language.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { language.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { language.contextLength }
  /// Sequences of more tokens than this have other angles (LongRoPE); nil for none.
  public var switchingLength: Int? { language.switchingLength }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead { language.head }
  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// Tokens that stand for an image.
  public var tokensPerImage: Int { configuration.tokensPerImage }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .each(tokensPerImage) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { (configuration.vision.imageSize, configuration.vision.imageSize) }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let words = language.decoder.embed(input.ids)
    let x = input.images.map { $0.placing(features(of: $0.pixels).flatten(0, 1), in: words) } ?? words
    return language.decoder(x, input, cache: cache, rows: rows)
  }

  /// Embeddings of images `[N, C, S, S]` among the embeddings: `[N, P, H]`.
  public func features(of pixels: Tensor) -> Tensor {
    let states = tower(pixels, layers: configuration.featureLayers)
    return projector(configuration.keepsClassToken ? states : states.narrow(1, 1, states.size(1) - 1))
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    language.makeCache(batch: batch, capacity: capacity)
  }

  /// The names of the published checkpoints, whichever layout the source has; see also ``CausalLM/adapting(_:)``.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try language.configuration.adapting(publishedNames(source), prefix: "language_model.")
  }

  /// Gives tower and projector randomly initialised values and takes the decoder from another source, whose names are
  /// those of a ``CausalLM``.
  ///
  /// - Parameter generator: draws the values: N(0, 1/inputs), and see `PatchEmbeddings`.
  /// - Throws: `InputError` if the decoder's weights do not fit.
  public func initialise(language source: any WeightSource, generator: Generator) throws {
    initialiseSight(generator: generator, dtype: .float32, device: .cpu)
    try language.load(from: language.adapting(source), dtype: .float32)
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialiseSight(generator: generator, dtype: dtype, device: device)
    language.initialise(generator: generator, dtype: dtype, device: device)
  }

  /// Tower and projector.
  private func initialiseSight(generator: Generator, dtype: DType, device: Device) {
    tower.initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
    tower.embeddings.initialiseTables(generator: generator, dtype: dtype, device: device)
    projector.initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
  }
}

/// W₂ activation(W₁ x + b₁) + b₂: from the tower's width to the decoder's.
final class LlavaProjector: Module {
  @Child("linear_1") private var first: Linear
  @Child("linear_2") private var second: Linear
  private let activation: Activation

  init(_ c: LlavaConfiguration, width: Int) {
    activation = c.activation
    super.init()
    first = Linear(c.vision.hiddenSize, width, bias: c.projectorBias, device: .meta)
    second = Linear(width, width, bias: c.projectorBias, device: .meta)
  }

  /// `[N, P, W]` → `[N, P, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor { second(activation(first(x))) }
}
