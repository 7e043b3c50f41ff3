// SPDX-License-Identifier: Apache-2.0
public import Files

/// How a vision tower and a decoder are joined, as `config.json` of a `llava` model states it.
public struct LlavaConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: VisionConfiguration
  /// Id of the tokens that stand for images.
  public var imageToken: Int
  /// Layers of the tower whose output is taken: all but the last one of CLIP, usually.
  public var featureLayers: Int
  /// Whether the class token is one of an image's tokens.
  public var keepsClassToken: Bool
  /// Whether the projector's layers have biases.
  public var projectorBias: Bool
  let activation: Activation

  /// A configuration made in code: features of the last layer, as suits a tower that is trained with the rest.
  public init(vision: VisionConfiguration, imageToken: Int) {
    (self.vision, self.imageToken, featureLayers) = (vision, imageToken, vision.layers)
    (keepsClassToken, projectorBias, activation) = (false, true, .gelu)
  }

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    vision = try VisionConfiguration(config.at("vision_config"))
    var token = try config.ifPresent("image_token_index")
    if token == nil { token = try config.ifPresent("image_token_id") }
    imageToken = try token?.int() ?? 32_000
    guard imageToken >= 0 else { throw config.child("image_token_index", .int(imageToken)).error(expected: "an id") }
    featureLayers = try config.featureLayers(of: vision.layers, default: -2)
    let strategy = try config.ifPresent("vision_feature_select_strategy")
    switch try strategy?.string() ?? "default" {
    case "default": keepsClassToken = false
    case "full": keepsClassToken = true
    default: throw try config.at("vision_feature_select_strategy").error(expected: "default or full")
    }
    projectorBias = try config.ifPresent("multimodal_projector_bias")?.bool() ?? true
    activation = try Activation(config, key: "projector_hidden_act", default: .gelu)
    if let length = try config.ifPresent("image_seq_length"), try length.int() != tokensPerImage {
      throw length.error(expected: "\(tokensPerImage), the patches of vision_config")
    }
  }

  /// Tokens that stand for an image.
  public var tokensPerImage: Int { vision.side * vision.side + (keepsClassToken ? 1 : 0) }

  /// `config.json` of a model of this configuration.
  ///
  /// - Parameter language: `text_config`.
  public func json(language: JSON) -> JSON {
    [
      "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
      "image_token_index": .int(imageToken), "image_seq_length": .int(tokensPerImage),
      "vision_feature_layer": .int(featureLayers - vision.layers - 1),
      "vision_feature_select_strategy": .string(keepsClassToken ? "full" : "default"),
      "projector_hidden_act": .string(activation.rawValue), "multimodal_projector_bias": .bool(projectorBias),
      "tie_word_embeddings": language["tie_word_embeddings"] ?? false, "vision_config": vision.json,
      "text_config": language,
    ]
  }
}
