// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Phi-3-Vision and Phi-3.5-Vision (Abdin et al. 2024, arXiv 2404.14219): CLIP's vision transformer on a view of the
/// whole image and on views of its parts, two linear layers, a Phi-3 decoder.
///
/// Names are those of the published checkpoint: `model.vision_embed_tokens.*` beside the decoder's `model.*` and
/// `lm_head.weight`.
public final class Phi3Vision: Module, VisionCausalLM {
  /// The sizes and options.
  public let configuration: Phi3VisionConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  /// The decoder with its head.
  @Child("") public private(set) var language: CausalLM
  @Child("model.vision_embed_tokens") private var sight: ImageEmbedding

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = ["phi3_v"]

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    self.init(try Phi3VisionConfiguration(config), config.value)
  }

  private init(_ configuration: Phi3VisionConfiguration, _ json: JSON) {
    (self.configuration, configurationJSON) = (configuration, json)
    super.init()
    language = CausalLM(configuration.language, json: json)
    sight = ImageEmbedding(configuration)
  }

  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .grid(side: configuration.tokenSide) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { configuration.vision.size }

  /// Embeddings of images among the embeddings: `[F, H]`, the tokens of one image after those of another.
  public func features(of images: ImageInput) -> Tensor { sight(images) }

  /// Drops the buffers of old checkpoints, and the table of words where the embedding of images holds it once more.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    let own = RenamedWeights(source) { name in
      name.hasSuffix("position_ids") || name == "model.vision_embed_tokens.wte.weight" ? nil : name
    }
    return try configuration.language.adapting(own, prefix: "")
  }
}
