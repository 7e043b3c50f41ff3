// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// PaliGemma (Beyer et al. 2024, arXiv 2407.07726) and PaliGemma 2 (Steiner et al. 2024, arXiv 2412.03555): SigLIP's
/// vision transformer, one linear layer, a decoder of the Gemma or Gemma 2 family.
///
///     x = s · embedding(ids), an image's patches in their places without s,   hidden = decoder(x)
///
/// Images and question see each other in both directions, also beyond a layer's window; the answer is causal. Names are
/// those of the published checkpoints (`language_model.model.*`, `vision_tower.vision_model.*`,
/// `multi_modal_projector.linear.*`); those of transformers 5 are read as well.
public final class PaliGemma: Module, PretrainedModel, VisionLanguageModel {
  /// Entries of `config.json`.
  public let configuration: PaliGemmaConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector.linear") private var projector: Linear
  @Child("language_model") private var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["paligemma"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public init(config: JSONReader) throws(InputError) {
    configuration = try PaliGemmaConfiguration(config)
    configurationJSON = config.value
    super.init()
    tower = VisionTower(configuration.vision)
    projector = Linear(configuration.vision.hiddenSize, configuration.language.hiddenSize, device: .meta)
    language = CausalLM(configuration.language, json: config.value["text_config"] ?? [:])
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
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead { language.head }
  /// True: images and question see each other.
  public var seesWholePrompts: Bool { true }
  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .each(configuration.tokensPerImage) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { (configuration.vision.imageSize, configuration.vision.imageSize) }
  /// Images, the begin token, the question and a line break.
  public var promptLayout: PromptLayout { .imagesBeforeBegin }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let words = language.decoder.embed(input.ids)
    let x = input.images.map { $0.placing(features(of: $0.pixels).flatten(0, 1), in: words) } ?? words
    return language.decoder(x, input, cache: cache, rows: rows)
  }

  /// Embeddings of images `[N, C, S, S]` among the embeddings: `[N, P, H]`.
  public func features(of pixels: Tensor) -> Tensor { projector(tower.final(pixels)) }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    language.makeCache(batch: batch, capacity: capacity)
  }

  /// The names of the published checkpoints, whichever layout the source has; see also ``CausalLM/adapting(_:)``.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try language.configuration.adapting(publishedNames(source), prefix: "language_model.")
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    tower.initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
    tower.embeddings.initialiseTables(generator: generator, dtype: dtype, device: device)
    projector.initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
    language.initialise(generator: generator, dtype: dtype, device: device)
  }
}
