// SPDX-License-Identifier: Apache-2.0
public import Files

/// How SigLIP's vision transformer and a Gemma are joined, as `config.json` of a `paligemma` model states it.
public struct PaliGemmaConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: VisionConfiguration
  /// The decoder.
  public var language: DecoderConfiguration
  /// Id of the tokens that stand for images.
  public var imageToken: Int

  /// `model_type` of the decoders: that of PaliGemma, and that of PaliGemma 2.
  public static let languageTypes = ["gemma", "gemma2"]

  /// Reads `config.json`, with the defaults of transformers.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(_ config: JSONReader) throws(InputError) {
    vision = try VisionConfiguration(config.at("vision_config"), family: .siglip)
    language = try DecoderConfiguration(config.gemma())
    language.parts.seesWholePrompts = true
    imageToken = try config.token(
      ["image_token_index", "image_token_id"], default: 256_000, below: language.vocabularySize)
    let width = try config.ifPresent("projection_dim")
    guard try width?.int() ?? 2048 == language.hiddenSize else {
      throw config.child("projection_dim", width?.value ?? .int(2048)).error(
        expected: "\(language.hiddenSize), text_config.hidden_size")
    }
    if let length = language.switchingLength {
      throw try config.at("text_config").error(
        expected: "a rotation that does not change with a sequence's length", found: "one that does beyond \(length)",
        remedy: "An answer that grows beyond that length would be read as a question.")
    }
  }

  /// Tokens that stand for an image.
  public var tokensPerImage: Int { vision.side * vision.side }
}

extension JSONReader {
  /// `text_config`; whether embeddings are tied may stand beside it. That prompts are seen whole is the model's own.
  fileprivate func gemma() throws(InputError) -> JSONReader {
    let text = try languageModel(of: PaliGemmaConfiguration.languageTypes, in: "paligemma")
    let key = DecoderConfiguration.Key.isBidirectional.rawValue
    if let both = try text.ifPresent(key), try !both.bool() {
      throw both.error(expected: "true, as images and question see each other")
    }
    var object = JSONObject()
    for (name, value) in try text.object().members where name != key { object[name] = value }
    return try child("text_config", .object(object)).tying(self, default: nil)
  }
}
