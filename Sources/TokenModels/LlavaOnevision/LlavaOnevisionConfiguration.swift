// SPDX-License-Identifier: Apache-2.0
public import Files

/// How SigLIP's vision transformer and a Qwen 2 are joined, as `config.json` of a `llava_onevision` model states it.
public struct LlavaOnevisionConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: VisionConfiguration
  /// The decoder.
  public var language: DecoderConfiguration
  /// Id of the tokens that stand for images.
  public var imageToken: Int
  /// Id of those that stand for videos, which are not read.
  public var videoToken: Int
  /// Layers of the tower whose output is taken: all, usually.
  public var featureLayers: Int
  /// Whether the projector's layers have biases.
  public var projectorBias: Bool
  /// Heights and widths that an image may be brought to, multiples of the tower's (`image_grid_pinpoints`).
  public var sizes: [[Int]]
  /// Of more features than so many views have, an image's are scaled down (`vision_aspect_ratio`, `anyres_max_9`).
  public var mostViews: Int
  let activation: Activation

  /// `model_type` of the decoder.
  public static let languageTypes = ["qwen2"]

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    vision = try VisionConfiguration(config.at("vision_config"), family: .siglip)
    language = try DecoderConfiguration(
      config.languageModel(of: Self.languageTypes, in: "llava_onevision").tyingToo(config))
    let rows = language.vocabularySize
    imageToken = try config.token(["image_token_index", "image_token_id"], default: 151_646, below: rows)
    videoToken = try config.token(["video_token_index", "video_token_id"], default: 151_647, below: rows)
    featureLayers = try config.featureLayers(of: vision.layers, default: -1)
    if let strategy = try config.ifPresent("vision_feature_select_strategy"), try strategy.string() != "full" {
      throw strategy.error(expected: "full, the only one that keeps every patch")
    }
    projectorBias = try config.ifPresent("multimodal_projector_bias")?.bool() ?? true
    activation = try Activation(config, key: "projector_hidden_act", default: .gelu)
    mostViews = try config.mostViews("vision_aspect_ratio")
    sizes = try config.gridSizes(of: vision.imageSize)
  }
}

extension JSONReader {
  /// The number of `anyres_max_9`.
  fileprivate func mostViews(_ key: String) throws(InputError) -> Int {
    guard let value = try ifPresent(key) else { return 9 }
    let text = try value.string(), start = "anyres_max_"
    guard text.hasPrefix(start), let number = Int(text.dropFirst(start.count)), (1...1 << 10).contains(number) else {
      throw value.error(expected: "anyres_max_N, the only kind supported, with N of 1 ... \(1 << 10)")
    }
    return number
  }

  /// `image_grid_pinpoints`, by default all grids of up to 6 x 6 views of 384.
  fileprivate func gridSizes(of side: Int) throws(InputError) -> [[Int]] {
    let key = "image_grid_pinpoints", one = 384
    guard let value = try ifPresent(key) else {
      guard side == one else {
        throw child(key, .null).error(expected: "heights and widths that are multiples of the tower's \(side)")
      }
      return (1...6).flatMap { rows in (1...6).map { [rows * one, $0 * one] } }
    }
    var sizes = [[Int]]()
    for element in try value.elements() {
      let size = try element.integers()
      guard size.count == 2, size.allSatisfy({ (side...64 * side).contains($0) && $0 % side == 0 }),
        size[0] / side * (size[1] / side) <= 64
      else {
        throw element.error(
          expected: "height and width, multiples of the tower's \(side) pixels, of 64 views at most",
          found: element.value.text())
      }
      sizes.append(size)
    }
    guard (1...1 << 10).contains(sizes.count) else {
      throw value.error(expected: "1 ... \(1 << 10) sizes", found: "\(sizes.count)")
    }
    return sizes
  }
}
