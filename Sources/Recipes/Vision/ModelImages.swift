import Files
import TokenData
import TorchNN

extension ImageTokens {
  /// How a vision-language model's folder has pictures shown.
  ///
  /// - Throws: `InputError` for a preparation that is not supported, or that gives pictures of another size than the model
  ///   reads; for an image token that the tokenizer does not have.
  init(folder: String, _ tokenizer: Tokenizer, _ model: any VisionLanguageModel) throws(InputError) {
    let preparation = try ImagePreparation(folder: folder)
    guard preparation.crop == model.imageSize else {
      throw InputError(
        path: folder + "/preprocessor_config.json", place: "key crop_size",
        expected: "\(model.imageSize.height) x \(model.imageSize.width), what the vision tower of config.json reads",
        found: "\(preparation.crop.height) x \(preparation.crop.width)")
    }
    guard let mark = tokenizer.token(of: Int32(clamping: model.imageToken)) else {
      throw InputError(
        path: folder + "/tokenizer.json", place: "key added_tokens",
        expected: "a token with id \(model.imageToken), image_token_index of config.json", found: "none")
    }
    self.init(
      id: Int32(clamping: model.imageToken), mark: mark, count: model.tokensPerImage, preparation: preparation)
  }
}
