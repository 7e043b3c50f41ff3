// SPDX-License-Identifier: Apache-2.0
public import Files

/// How a vision tower and a Phi-3 decoder are joined, as `config.json` of a `phi3_v` model states it.
public struct Phi3VisionConfiguration: Sendable, Hashable {
  /// The decoder, whose keys are those of `phi3`.
  public var language: DecoderConfiguration
  /// The tower: `openai/clip-vit-large-patch14-336`, or what `vision_config` says in its place.
  public var vision: VisionConfiguration
  /// Id of the tokens that stand for images: that of `<|image|>`, unless `image_token_index` says otherwise.
  public var imageToken: Int
  /// Layers of the tower whose output is taken: all but the last one, usually.
  public var featureLayers: Int

  /// Reads `config.json`, with the defaults of the code that the published checkpoint comes with.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    language = try DecoderConfiguration(config)
    let own = try config.ifPresent("vision_config")
    vision = try own.map { (own) throws(InputError) in try VisionConfiguration(own) } ?? .clipLarge336
    imageToken = try config.ifPresent("image_token_index")?.int() ?? 32_044
    guard (0..<language.vocabularySize).contains(imageToken) else {
      throw config.child("image_token_index", .int(imageToken)).error(
        expected: "an id below vocab_size, \(language.vocabularySize)")
    }
    featureLayers = vision.layers - 1
    try config.at("embd_layer").require([
      ("embedding_cls", "image"), ("hd_transform_order", "sub_glb"), ("projection_cls", "mlp"),
      ("use_hd_transform", true), ("with_learnable_separator", true),
    ])
    try readTower(config.at("img_processor"))
  }

  /// Rows of tokens that a view becomes: one for two rows of patches.
  public var tokenSide: Int { vision.side / 2 }

  private mutating func readTower(_ tower: JSONReader) throws(InputError) {
    try tower.require([("name", "clip_vision_model")])
    if let kind = try tower.ifPresent("type_feature"), try kind.string() != "patch" {
      throw kind.error(expected: "patch, the only kind supported")
    }
    for (key, value) in [("image_dim_out", vision.hiddenSize), ("num_img_tokens", tokenSide * tokenSide)] {
      let stated = try tower.at(key)
      guard try stated.int() == value else { throw stated.error(expected: "\(value), as the tower has") }
    }
    if vision.side % 2 != 0 {
      throw tower.child("image_size", .int(vision.imageSize)).error(expected: "an even number of patches along a side")
    }
    if let layer = try tower.ifPresent("layer_idx") {
      let index = try layer.int(), count = index < 0 ? vision.layers + 1 + index : index
      guard (0...vision.layers).contains(count) else {
        throw layer.error(expected: "one of \(-vision.layers - 1) ... \(vision.layers)")
      }
      featureLayers = count
    }
  }
}

extension VisionConfiguration {
  /// OpenAI's ViT-L/14 for images of 336 x 336.
  public static var clipLarge336: VisionConfiguration {
    VisionConfiguration(hiddenSize: 1024, intermediateSize: 4096, layers: 24, heads: 16, imageSize: 336, patchSize: 14)
  }
}

extension JSONReader {
  /// Throws unless every key is there with this value.
  fileprivate func require(_ members: [(key: String, value: JSON)]) throws(InputError) {
    for (key, value) in members {
      let member = try at(key)
      guard member.value == value else {
        throw member.error(expected: "\(value.text()), the only value supported", found: member.value.text())
      }
    }
  }
}
