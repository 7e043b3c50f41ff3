// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Idefics3 (Laurençon et al. 2024, arXiv 2408.12637), SmolVLM and SmolVLM2 (Marafioti et al. 2025, arXiv 2504.05299):
/// SigLIP's vision transformer on views of an image's parts and of the whole, squares of patches side by side through one
/// matrix, a decoder of the Llama family.
///
/// Names are those of the checkpoints: `model.text_model.*`, `model.vision_model.*`,
/// `model.connector.modality_projection.proj.weight`, `lm_head.weight`.
public final class SmolVLM: Module, VisionCausalLM {
  /// Entries of `config.json`.
  public let configuration: SmolVLMConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("model.vision_model") private var tower: VisionTower
  @Child("model.connector.modality_projection.proj") private var projector: Linear
  /// The decoder with its head.
  @Child("") public private(set) var language: CausalLM

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["smolvlm", "idefics3"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public init(config: JSONReader) throws(InputError) {
    configuration = try SmolVLMConfiguration(config)
    configurationJSON = config.value
    super.init()
    let vision = configuration.vision, language = configuration.language, merge = configuration.merge
    tower = VisionTower(vision)
    projector = Linear(vision.hiddenSize * merge * merge, language.hiddenSize, bias: false, device: .meta)
    self.language = CausalLM(language, json: config.value["text_config"] ?? [:], decoder: "model.text_model")
  }

  /// Id that stands for the places of an image's views in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .views(each: configuration.tokensPerView) }
  /// Height and width of the views that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }

  /// Embeddings of views `[V, C, S, S]` among the embeddings: `[V, P, H]`, P tokens a view.
  public func features(of pixels: Tensor) -> Tensor {
    let states = tower.final(pixels), side = configuration.vision.side, merge = configuration.merge
    let rows = side / merge, width = states.size(2)
    let squares = states.view([states.size(0), rows, merge, rows, merge, width]).permute([0, 1, 3, 2, 4, 5])
    return projector(squares.reshape([states.size(0), rows * rows, merge * merge * width]))
  }

  /// Those of the images of a batch: `[V · P, H]`.
  public func features(of images: ImageInput) -> Tensor { features(of: images.pixels).flatten(0, 1) }

  /// The source without what old checkpoints hold besides parameters.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    let own = RenamedWeights(source) { $0.hasSuffix("position_ids") ? nil : $0 }
    return try configuration.language.adapting(
      own, table: "model.text_model.embed_tokens.weight", head: "lm_head.weight")
  }
}
