// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// Phi-3-Vision and Phi-3.5-Vision (Abdin et al. 2024, arXiv 2404.14219): CLIP's vision transformer on a view of the
/// whole image and on views of its parts, two linear layers, a Phi-3 decoder.
///
/// Names are those of the published checkpoint: `model.vision_embed_tokens.*` beside the decoder's `model.*` and
/// `lm_head.weight`.
public final class Phi3Vision: Module, PretrainedModel, VisionLanguageModel {
  /// The sizes and options.
  public let configuration: Phi3VisionConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  @Child("model") private var decoder: Decoder
  @Child("model.vision_embed_tokens") private var sight: ImageEmbedding
  @Child("lm_head") private var output: Linear

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
    let language = configuration.language
    decoder = Decoder(language)
    sight = ImageEmbedding(configuration)
    if !language.tiesEmbeddings {
      output = Linear(language.hiddenSize, language.vocabularySize, bias: false, device: .meta)
    }
  }

  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations: Bool {
    get { decoder.recomputesLayers }
    set { decoder.recomputesLayers = newValue }
  }
  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { configuration.language.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.language.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { configuration.language.contextLength }
  /// Sequences of more tokens than this have other angles (LongRoPE); nil for none.
  public var switchingLength: Int? { configuration.language.switchingLength }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead {
    OutputHead(weight: configuration.language.tiesEmbeddings ? decoder.embedding.weight : output.weight)
  }
  /// Id that stands for an image's places in a sequence.
  public var imageToken: Int { configuration.imageToken }
  /// How many places an image takes.
  public var imageTokenCount: ImageTokenCount { .grid(side: configuration.tokenSide) }
  /// Height and width of the images that the tower reads.
  public var imageSize: (height: Int, width: Int) { (configuration.vision.imageSize, configuration.vision.imageSize) }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let words = decoder.embed(input.ids)
    let x = input.images.map { $0.placing(features(of: $0), in: words) } ?? words
    return decoder(x, input, cache: cache, rows: rows)
  }

  /// Embeddings of images among the embeddings: `[F, H]`, the tokens of one image after those of another.
  public func features(of images: ImageInput) -> Tensor { sight(images) }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    decoder.makeCache(batch: batch, capacity: capacity)
  }

  /// Drops the buffers of old checkpoints, and the table of words where the embedding of images holds it once more.
  public func adapting(_ source: any WeightSource) throws -> any WeightSource {
    let own = RenamedWeights(source) { name in
      name.hasSuffix("position_ids") || name == "model.vision_embed_tokens.wte.weight" ? nil : name
    }
    return try configuration.language.adapting(own, prefix: "")
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.language.initialDeviation, generator: generator, dtype: dtype, device: device)
    sight.initialiseTables(generator: generator, dtype: dtype, device: device)
  }
}
