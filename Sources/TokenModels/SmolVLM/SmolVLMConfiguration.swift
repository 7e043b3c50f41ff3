// SPDX-License-Identifier: Apache-2.0
public import Files

/// How SigLIP's vision transformer and a Llama are joined, as `config.json` of a `smolvlm` or `idefics3` model states it.
public struct SmolVLMConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: VisionConfiguration
  /// The decoder.
  public var language: DecoderConfiguration
  /// Id of the tokens that stand for views of images.
  public var imageToken: Int
  /// Patches along a side of the squares that become one token each.
  public var merge: Int

  /// `model_type` of the decoders.
  public static let languageTypes = ["llama"]

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    vision = try VisionConfiguration(config.at("vision_config"), family: .idefics3)
    guard Self.hasClearPlaces(vision.side) else {
      throw config.child("vision_config", config.value["vision_config"] ?? .null).child(
        "image_size", .int(vision.imageSize)
      ).error(
        expected: "another number of patches along a side than \(vision.side)", found: "\(vision.imageSize)",
        remedy: "transformers gives some of these their neighbour's position, other ones on other processors.")
    }
    language = try DecoderConfiguration(
      config.languageModel(of: Self.languageTypes, in: "smolvlm").tying(config, default: false))
    imageToken = try config.token(["image_token_id"], default: 128_257, below: language.vocabularySize)
    merge = try config.count("scale_factor", default: 2, limit: 1 << 10)
    guard vision.side % merge == 0 else {
      throw config.child("scale_factor", .int(merge)).error(
        expected: "a divisor of the \(vision.side) patches along a side")
    }
  }

  /// Whether transformers gives each of so many patches along a side its own position. It looks for them among
  /// multiples of 1 / side, all in float32, where those begin anew every 8 or 16 by the processor's width.
  private static func hasClearPlaces(_ side: Int) -> Bool {
    let step = 1 / Double(side)
    return (0..<max(0, side - 1)).allSatisfy { bound in
      let share = Float(bound + 1) * (1 / Float(side))
      return [1, 8, 16].allSatisfy { width in
        let start = Double(Float(step + step * Double(bound / width * width)))
        return share >= Float(start + step * Double(bound % width))
      }
    }
  }

  /// Tokens that stand for a view.
  public var tokensPerView: Int { (vision.side / merge) * (vision.side / merge) }
}
