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
    featureLayers = try Self.layers(config, of: vision.layers)
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

  /// `vision_feature_layer`: a hidden state by index, 0 being the embeddings; negative ones count from the end.
  private static func layers(_ config: JSONReader, of all: Int) throws(InputError) -> Int {
    guard let value = try config.ifPresent("vision_feature_layer") else { return all - 1 }
    guard case .array = value.value else {
      let index = try value.int(), count = index < 0 ? all + 1 + index : index
      guard (0...all).contains(count) else { throw value.error(expected: "one of \(-all - 1) ... \(all)") }
      return count
    }
    throw value.error(expected: "one layer; several side by side are not supported")
  }

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

extension JSONReader {
  /// `text_config`; whether embeddings are tied may stand beside it.
  func languageModel() throws(InputError) -> JSONReader {
    let text = try languageModel(of: Llava.languageTypes, in: "llava")
    guard try ifPresent("tie_word_embeddings")?.bool() ?? false, case .object(var object) = text.value else {
      return text
    }
    object["tie_word_embeddings"] = true
    return child("text_config", .object(object))
  }

  /// `text_config`, of one of some types.
  ///
  /// - Parameter folder: the `model_type` of the whole, for errors.
  func languageModel(of types: [String], in folder: String) throws(InputError) -> JSONReader {
    let text = try at("text_config")
    if let type = try text.ifPresent("model_type"), !types.contains(try type.string()) {
      throw type.error(
        expected: types.joined(separator: ", ") + ", the only language models supported in a \(folder) folder")
    }
    return text
  }
}
