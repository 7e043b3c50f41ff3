// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData
import TorchNN

extension ImageTokens {
  /// How a vision-language model's folder has images shown.
  ///
  /// - Throws: `InputError` for a preparation that is not supported, or that gives images of another size than the
  ///   model reads; for an image token that the tokenizer does not have.
  init(folder: String, _ tokenizer: Tokenizer, _ model: any VisionLanguageModel) throws(InputError) {
    self.init(
      id: Int32(clamping: model.imageToken),
      mark: try Self.mark(model.imageToken, "image_token_index", folder: folder, tokenizer),
      preparation: try Self.preparation(folder: folder, tokenizer, model),
      layout: try Self.layout(folder: folder, tokenizer, model),
      video: model.videoToken.flatMap { tokenizer.token(of: Int32(clamping: $0)) })
    if case .imagesApart(let begin, _) = model.promptLayout {
      self.mark = try Self.mark(begin, "boi_token_index", folder: folder, tokenizer)
    }
  }

  /// The text of a token that `config.json` names.
  private static func mark(
    _ id: Int, _ key: String, folder: String, _ tokenizer: Tokenizer
  ) throws(InputError) -> String {
    if let mark = tokenizer.token(of: Int32(clamping: id)) { return mark }
    throw InputError(
      path: folder + "/tokenizer.json", place: "key added_tokens", expected: "a token with id \(id)", found: "none",
      remedy: "\(key) of config.json names another.")
  }

  private static func layout(
    folder: String, _ tokenizer: Tokenizer, _ model: any VisionLanguageModel
  ) throws(InputError) -> Layout {
    switch model.promptLayout {
    case .asWritten: return .asWritten
    case .imagesBeforeBegin:
      guard let begin = tokenizer.roles.begin.flatMap({ tokenizer.token(of: $0) }) else {
        throw InputError(
          path: folder + "/tokenizer_config.json", place: "key bos_token",
          expected: "a token that stands between images and question", found: "none")
      }
      return .imagesBeforeBegin(begin: begin)
    case .imagesApart(let begin, let end):
      let texts = try [
        ("boi_token_index", begin), ("image_token_index", model.imageToken), ("eoi_token_index", end),
      ].map { (key, id) throws(InputError) in try mark(id, key, folder: folder, tokenizer) }
      return .imagesApart("\n\n" + texts.joined() + "\n\n")
    case .framed(let start, let end):
      return .framed(
        start: try mark(start, "vision_start_token_id", folder: folder, tokenizer),
        end: try mark(end, "vision_end_token_id", folder: folder, tokenizer))
    }
  }

  private static func preparation(
    folder: String, _ tokenizer: Tokenizer, _ model: any VisionLanguageModel
  ) throws(InputError) -> Preparation {
    let path = folder + "/preprocessor_config.json", size = model.imageSize
    switch model.imageTokenCount {
    case .each(let count):
      let preparation = try ImagePreparation(folder: folder)
      guard preparation.crop == size else {
        throw InputError(
          path: path, place: "key crop_size",
          expected: "\(size.height) x \(size.width), what the vision tower of config.json reads",
          found: "\(preparation.crop.height) x \(preparation.crop.width)")
      }
      if case .imagesApart = model.promptLayout { try require(folder, [("image_seq_length", .int(count))]) }
      return .single(preparation, tokens: count)
    case .grid(let side):
      let transform = try HDTransform(JSONReader(file: path, limit: 1 << 20), side: size.height)
      guard transform.tokenSide == side else {
        throw InputError(
          path: path, place: "key num_img_tokens", expected: "\(side * side), a quarter of the tower's patches",
          found: "\(transform.tokenSide * transform.tokenSide)")
      }
      return .tiled(transform)
    case .views(let count):
      let config = try ImagePreparation.configuration(folder: folder), transform = try TileTransform(config)
      guard (transform.side, transform.side) == size else {
        throw config.child("max_image_size", config.value["max_image_size"] ?? .null).child(
          "longest_edge", .int(transform.side)
        ).error(
          expected: "\(size.width), what the vision tower of config.json reads", found: "\(transform.side)")
      }
      let marks = try ViewMarks(tokenizer, largest: transform.splits ? transform.largestGrid : 0, path: folder)
      return .views(transform, marks: marks, tokens: count)
    case .anyResolution(let side, let most, let sizes):
      let config = try ImagePreparation.configuration(folder: folder)
      let transform = try AnyResolution(config, tokenSide: side, most: most, sizes: sizes)
      guard (transform.side, transform.side) == size else {
        throw config.child("size", config.value["size"] ?? .null).child("height", .int(transform.side)).error(
          expected: "\(size.width), what the vision tower of config.json reads", found: "\(transform.side)")
      }
      try require(
        folder,
        [
          ("num_image_tokens", .int(side * side)), ("vision_feature_select_strategy", "full"),
          ("vision_aspect_ratio", .string("anyres_max_\(most)")),
        ])
      return .anyResolution(transform)
    case .patches(let side, let merge, let frames):
      let config = try ImagePreparation.configuration(folder: folder)
      let transform = try PatchTransform(config, frames: frames)
      for (key, own, value) in [("patch_size", transform.patch, side), ("merge_size", transform.merge, merge)]
      where own != value {
        throw config.child(key, .int(own)).error(
          expected: "\(value), as the vision tower of config.json has it", found: "\(own)")
      }
      return .patches(transform)
    }
  }

  /// Throws if `processor_config.json` says otherwise than `config.json` of what prompts are made of.
  private static func require(_ folder: String, _ members: [(key: String, value: JSON)]) throws(InputError) {
    let path = folder + "/processor_config.json"
    guard fileExists(path) else { return }
    let config = try JSONReader(file: path)
    for (key, value) in members {
      guard let stated = try config.ifPresent(key), stated.value != value else { continue }
      throw stated.error(expected: "\(value.text()), as config.json has it", found: stated.value.text())
    }
  }
}
