// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Gemma 3 with images (Gemma Team 2025, arXiv 2503.19786): SigLIP's vision transformer, squares of patches averaged,
/// normalised and through one matrix, the decoder of Gemma 3.
///
///     x = √H · embedding(ids), an image's squares in their places without √H,   hidden = decoder(x)
///
/// The tokens of one image see each other in both directions, as far as a layer's window reaches; all else is causal.
/// Equals transformers' `Gemma3ForConditionalGeneration`. Names are those of the published checkpoints
/// (`language_model.model.*`, `vision_tower.vision_model.*`, `multi_modal_projector.*`); those of transformers 5 are read
/// as well.
public final class Gemma3Vision: Module, VisionCausalLM {
  /// Entries of `config.json`.
  public let configuration: Gemma3VisionConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector") private var projector: Gemma3Projector
  /// The decoder with its head.
  @Child("language_model") public private(set) var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["gemma3"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public init(config: JSONReader) throws(InputError) {
    configuration = try Gemma3VisionConfiguration(config)
    configurationJSON = config.value
    super.init()
    tower = VisionTower(configuration.vision)
    projector = Gemma3Projector(configuration)
    language = CausalLM(configuration.language, json: config.value["text_config"] ?? [:])
  }

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .each(configuration.tokensPerImage) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }
  /// Empty lines and marks around an image.
  public var promptLayout: PromptLayout { .imagesApart(begin: configuration.beginToken, end: configuration.endToken) }

  /// Embeddings of images `[N, C, S, S]` among the embeddings: `[N, P, H]`.
  public func features(of pixels: Tensor) -> Tensor { projector(tower.final(pixels)) }
  /// Those of the images of a batch: `[N · P, H]`.
  public func features(of images: ImageInput) -> Tensor { features(of: images.pixels).flatten(0, 1) }

  /// The names of the published checkpoints, whichever layout the source has; see also ``CausalLM/adapting(_:)``.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try language.configuration.adapting(publishedNames(source), prefix: "language_model.")
  }
}

/// Means of squares of patches, normalised by (1 + w), times a matrix: from the tower's width to the decoder's.
final class Gemma3Projector: Module {
  @Child("mm_soft_emb_norm") private var norm: RMSNorm
  @Parameter("mm_input_projection_weight") private var weight: Tensor  // [W, H]
  private let side: Int, square: Int

  init(_ c: Gemma3VisionConfiguration) {
    (side, square) = (c.vision.side, c.vision.side / c.tokenSide)
    super.init()
    norm = RMSNorm(c.vision.hiddenSize, epsilon: c.vision.epsilon, isOffset: true, device: .meta)
    weight = .empty([c.vision.hiddenSize, c.language.hiddenSize], device: .meta)
  }

  /// `[N, patches, W]` → `[N, P, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let patches = x.transpose(1, 2).reshape([x.size(0), x.size(2), side, side])
    let squares = patches.averagePool2d(square, stride: square).flatten(2, -1).transpose(1, 2)
    return norm(squares).matmul(weight)
  }

  override func initialiseTables(generator: Generator, dtype: DType, device: Device) {
    let deviation = 1 / Double(weight.size(0)).squareRoot()
    noGrad {
      weight = .empty(weight.shape, dtype: dtype, device: device).normal_(std: deviation, generator: generator)
    }
  }
}
