// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// LLaVA-OneVision (Li et al. 2024, arXiv 2408.03326): SigLIP's vision transformer on a view of the whole image and on
/// views of its parts, two linear layers, a Qwen 2 decoder.
///
/// The features of an image alone are those of the whole, then those of its parts laid out as they lie in the image,
/// without what only shows padding, scaled down where they are too many, each row with a learnt end. Of several images
/// each is one view. Equals transformers' `LlavaOnevisionForConditionalGeneration`, videos left out. Names are those of
/// the published checkpoints (`language_model.model.*`, `vision_tower.vision_model.*`, `multi_modal_projector.*`,
/// `image_newline`); those of transformers 5 are read as well.
///
/// Sizes in shapes: V views, P tokens a view, F tokens of all images, H the decoder's width.
public final class LlavaOnevision: Module, VisionCausalLM {
  /// Entries of `config.json`.
  public let configuration: LlavaOnevisionConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("vision_tower.vision_model") private var tower: VisionTower
  @Child("multi_modal_projector") private var projector: LlavaProjector
  // At the end of each row of an image's parts, and of each image that is one view.
  @Parameter("image_newline") private var rowEnd: Tensor  // [H]
  /// The decoder with its head.
  @Child("language_model") public private(set) var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["llava_onevision"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public init(config: JSONReader) throws(InputError) {
    configuration = try LlavaOnevisionConfiguration(config)
    configurationJSON = config.value
    super.init()
    let c = configuration, width = c.language.hiddenSize
    tower = VisionTower(c.vision)
    projector = LlavaProjector(c.vision.hiddenSize, to: width, bias: c.projectorBias, activation: c.activation)
    rowEnd = .empty([width], device: .meta)
    language = CausalLM(c.language, json: config.value["text_config"] ?? [:])
  }

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// Id that stands for a video's, which this model does not read.
  public var videoToken: Int? { configuration.videoToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount {
    .anyResolution(side: configuration.vision.side, most: configuration.mostViews, sizes: configuration.sizes)
  }
  /// Height and width of the views that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }

  /// Embeddings of images among the embeddings: `[F, H]`, the tokens of one image after those of another.
  public func features(of images: ImageInput) -> Tensor {
    let views = projector(tower(images.pixels, layers: configuration.featureLayers))  // [V, P, H]
    var view = 0, tokens = [Tensor]()
    for (grid, area) in zip(images.grids, images.areas) {
      tokens.append(views.select(0, view))
      view += 1
      guard let grid else {
        tokens.append(rowEnd.unsqueeze(0))
        continue
      }
      guard let area else { preconditionFailure("an image of parts without an area") }
      let parts = grid.rows * grid.columns
      tokens.append(lines(views.narrow(0, view, parts), grid, area))
      view += parts
    }
    return Tensor.cat(tokens)
  }

  /// Views of parts `[rows · columns, P, H]` → rows of tokens, each with its end, `[shown rows · (shown columns + 1), H]`.
  private func lines(
    _ views: Tensor, _ grid: (rows: Int, columns: Int), _ area: ImageInput.Area
  ) -> Tensor {
    let side = configuration.vision.side, width = views.size(2)
    let all = views.reshape([grid.rows, grid.columns, side, side, width]).permute([0, 2, 1, 3, 4])
      .reshape([grid.rows * side, grid.columns * side, width])
    // As much is left out on one side as on the other.
    var x = all.narrow(0, (all.size(0) - area.kept.rows) / 2, area.kept.rows)
      .narrow(1, (all.size(1) - area.kept.columns) / 2, area.kept.columns)
    if area.shown != area.kept {
      let planes = x.permute([2, 0, 1]).unsqueeze(0)
      x = planes.upsampledBilinear(to: [area.shown.rows, area.shown.columns]).select(0, 0).permute([1, 2, 0])
    }
    let ends = rowEnd.view([1, 1, width]).expand([area.shown.rows, 1, width])
    return Tensor.cat([x, ends], 1).flatten(0, 1)
  }

  /// The names of the published checkpoints, whichever layout the source has; see also ``CausalLM/adapting(_:)``.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    try language.configuration.adapting(publishedNames(source), prefix: "language_model.")
  }

  /// As transformers draws the end of rows.
  public override func initialiseTables(generator: Generator, dtype: DType, device: Device) {
    let deviation = 1 / Double(rowEnd.size(0)).squareRoot()
    noGrad {
      rowEnd = .empty(rowEnd.shape, dtype: dtype, device: device).normal_(std: deviation, generator: generator)
    }
  }
}
