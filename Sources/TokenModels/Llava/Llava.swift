// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// LLaVA 1.5 (Liu et al. 2023, arXiv 2310.03744): CLIP's vision transformer, two linear layers, a decoder of the Llama
/// family. The features of an image's patches are its tokens' embeddings.
///
/// Names are those of the published checkpoints (`language_model.model.*`, `vision_tower.vision_model.*`,
/// `multi_modal_projector.*`); checkpoints of transformers 5 (`model.language_model.*`) are read as well.
public final class Llava: Module, VisionCausalLM {
  /// Entries of `config.json` besides the two models.
  public let configuration: LlavaConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector") private var projector: LlavaProjector
  /// The decoder with its head.
  @Child("language_model") public private(set) var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["llava"]
  /// `model_type` of the decoders that it takes.
  public static let languageTypes = ["llama", "mistral", "phi3"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    try self.init(
      LlavaConfiguration(config),
      CausalLM(config: config.languageModel(of: Self.languageTypes, in: "llava").tyingToo(config)),
      config.value)
  }

  private init(_ configuration: LlavaConfiguration, _ language: CausalLM, _ json: JSON) {
    (self.configuration, configurationJSON) = (configuration, json)
    super.init()
    tower = VisionTower(configuration.vision)
    projector = LlavaProjector(
      configuration.vision.hiddenSize, to: language.hiddenSize, bias: configuration.projectorBias,
      activation: configuration.activation)
    self.language = language
  }

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// Tokens that stand for an image.
  public var tokensPerImage: Int { configuration.tokensPerImage }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .each(tokensPerImage) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }

  /// Embeddings of images `[N, C, S, S]` among the embeddings: `[N, P, H]`.
  public func features(of pixels: Tensor) -> Tensor {
    let states = tower(pixels, layers: configuration.featureLayers)
    return projector(configuration.keepsClassToken ? states : states.narrow(1, 1, states.size(1) - 1))
  }

  /// Those of the images of a batch: `[N · P, H]`.
  public func features(of images: ImageInput) -> Tensor { features(of: images.pixels).flatten(0, 1) }

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
}

/// W₂ activation(W₁ x + b₁) + b₂: from the tower's width to the decoder's.
final class LlavaProjector: Module {
  @Child("linear_1") private var first: Linear
  @Child("linear_2") private var second: Linear
  private let activation: Activation

  init(_ width: Int, to hidden: Int, bias: Bool, activation: Activation) {
    self.activation = activation
    super.init()
    first = Linear(width, hidden, bias: bias, device: .meta)
    second = Linear(hidden, hidden, bias: bias, device: .meta)
  }

  /// `[N, P, W]` → `[N, P, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor { second(activation(first(x))) }
}
