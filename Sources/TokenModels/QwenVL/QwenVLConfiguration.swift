// SPDX-License-Identifier: Apache-2.0
public import Files

/// How a vision transformer for images of any size and a Qwen decoder are joined, as `config.json` of a `qwen2_5_vl` or
/// `qwen3_vl` model states it.
public struct QwenVLConfiguration: Sendable, Hashable {
  /// The tower.
  public var vision: QwenVisionConfiguration
  /// The decoder.
  public var language: DecoderConfiguration
  /// Id of the tokens that stand for images.
  public var imageToken: Int
  /// Id of those that would stand for videos, which are not supported.
  public var videoToken: Int
  /// Ids of the marks before and after an image's tokens.
  public var marks: Marks

  /// Whether the model was taught boxes in pixels of the resized image, as Qwen2.5-VL was; else in thousandths.
  public var writesPixels: Bool { vision.windowSquares != nil }

  /// Ids around an image's tokens.
  public struct Marks: Sendable, Hashable {
    /// Before the first.
    public var start: Int
    /// After the last.
    public var end: Int
  }

  /// Reads `config.json` of a `qwen2_5_vl` model, with the defaults of transformers' `Qwen2_5_VLConfig`. The decoder's
  /// keys stand in `text_config`, or, as in the published folders, beside the tower's section.
  ///
  /// - Throws: `InputError` naming file and key for a value out of range, and for options that are not supported.
  public init(qwen25 config: JSONReader) throws(InputError) {
    let stated = try config.ifPresent("text_config")
    var isTied = try config.ifPresent("tie_word_embeddings")?.bool() ?? false
    if let stated, !isTied { isTied = try stated.ifPresent("tie_word_embeddings")?.bool() ?? false }
    let text = try config.text(stated, types: ["qwen2_5_vl_text", "qwen2_5_vl"], isTied: isTied)
    try self.init(
      config, DecoderConfiguration(text, .qwen25VL)
    ) { vision, width throws(InputError) in try QwenVisionConfiguration(qwen25: vision, width: width) }
  }

  /// Reads `config.json` of a `qwen3_vl` model, with the defaults of transformers' `Qwen3VLConfig`.
  ///
  /// - Throws: as above.
  public init(qwen3 config: JSONReader) throws(InputError) {
    let isTied = try config.ifPresent("tie_word_embeddings")?.bool() ?? false
    let text = try config.text(try config.at("text_config"), types: ["qwen3_vl_text"], isTied: isTied)
    try self.init(
      config, DecoderConfiguration(text, .qwen3VL)
    ) { vision, width throws(InputError) in try QwenVisionConfiguration(qwen3: vision, width: width) }
    guard vision.tappedLayers.count < language.layers else {
      throw try config.at("vision_config").child("deepstack_visual_indexes", .null).error(
        expected: "fewer than the decoder's \(language.layers) layers", found: "\(vision.tappedLayers.count)")
    }
  }

  private init(
    _ config: JSONReader, _ language: DecoderConfiguration,
    vision: (_ section: JSONReader, _ width: Int) throws(InputError) -> QwenVisionConfiguration
  ) throws(InputError) {
    try config.refuseUnsupported()
    self.language = language
    self.vision = try vision(
      config.ifPresent("vision_config") ?? config.child("vision_config", [:]), language.hiddenSize)
    func token(_ key: String, _ usual: Int) throws(InputError) -> Int {
      let id = try config.ifPresent(key)?.int() ?? usual
      guard (0..<language.vocabularySize).contains(id) else {
        throw config.child(key, .int(id)).error(
          expected: "an id below vocab_size, \(language.vocabularySize)", found: "\(id)")
      }
      return id
    }
    imageToken = try token("image_token_id", 151_655)
    videoToken = try token("video_token_id", 151_656)
    marks = Marks(start: try token("vision_start_token_id", 151_652), end: try token("vision_end_token_id", 151_653))
  }
}

extension JSONReader {
  /// The decoder's section, or what stands in its place: the whole.
  fileprivate func text(_ section: JSONReader?, types: [String], isTied: Bool) throws(InputError) -> JSONReader {
    let text = section ?? self
    if let type = try text.ifPresent("model_type"), !types.contains(try type.string()) {
      throw type.error(expected: types[0] + ", the only decoder supported here")
    }
    var object = try text.object()
    object["tie_word_embeddings"] = .bool(isTied)
    return JSONReader(.object(object), path: text.path, keyPath: text.keyPath)
  }
}
