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
public final class PaliGemma: Module, VisionCausalLM {
  /// Entries of `config.json`.
  public let configuration: PaliGemmaConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector.linear") private var projector: Linear
  /// The decoder with its head.
  @Child("language_model") public private(set) var language: CausalLM

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

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .each(configuration.tokensPerImage) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }
  /// Images, the begin token, the question and a line break.
  public var promptLayout: PromptLayout { .imagesBeforeBegin }

  /// Embeddings of images `[N, C, S, S]` among the embeddings: `[N, P, H]`.
  public func features(of pixels: Tensor) -> Tensor { projector(tower.final(pixels)) }
  /// Those of the images of a batch: `[N · P, H]`.
  public func features(of images: ImageInput) -> Tensor { features(of: images.pixels).flatten(0, 1) }

  /// The names of the published checkpoints, whichever layout the source has; see also ``CausalLM/adapting(_:)``.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try language.configuration.adapting(publishedNames(source), prefix: "language_model.")
  }
}
