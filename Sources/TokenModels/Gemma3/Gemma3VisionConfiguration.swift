// SPDX-License-Identifier: Apache-2.0
public import Files

/// How SigLIP's vision transformer and a Gemma 3 are joined, as `config.json` of a `gemma3` model states it.
public struct Gemma3VisionConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: VisionConfiguration
  /// The decoder.
  public var language: DecoderConfiguration
  /// Id of the tokens that stand for images.
  public var imageToken: Int
  /// Ids of the marks before and behind an image.
  public var beginToken: Int, endToken: Int
  /// Tokens along a side of an image: the root of `mm_tokens_per_image`.
  public var tokenSide: Int

  /// `model_type` of the decoder.
  public static let languageTypes = ["gemma3_text"]

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    vision = try VisionConfiguration(config.at("vision_config"), family: .siglip)
    language = try DecoderConfiguration(
      config.languageModel(of: Self.languageTypes, in: "gemma3").tying(config, default: true))
    language.parts.seesWholeImages = true
    let rows = language.vocabularySize
    imageToken = try config.token(["image_token_index", "image_token_id"], default: 262_144, below: rows)
    beginToken = try config.token(["boi_token_index", "boi_token_id"], default: 255_999, below: rows)
    endToken = try config.token(["eoi_token_index", "eoi_token_id"], default: 256_000, below: rows)
    let count = try config.count("mm_tokens_per_image", default: 256, limit: 1 << 20)
    let side = vision.side
    guard let root = (1...side).first(where: { $0 * $0 == count }), side % root == 0 else {
      throw config.child("mm_tokens_per_image", .int(count)).error(
        expected: "the square of a divisor of the \(side) patches along a side")
    }
    tokenSide = root
  }

  /// Tokens that stand for an image.
  public var tokensPerImage: Int { tokenSide * tokenSide }
}
