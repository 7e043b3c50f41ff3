// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
import Torch
import TorchNN

/// Gives the images of a prompt, by its index: asked when the prompt is read, so that no more of them are in memory
/// than one batch shows.
public typealias PromptImages = (_ prompt: Int) throws -> [PlacedImage]

extension PlacedImage {
  /// The same image in what is left of a sequence after its first tokens.
  func moved(by tokens: Int) -> PlacedImage { PlacedImage(image, position: position - tokens, count: count) }
}

extension ImageInput {
  /// Images of sequences that are rows of `width` tokens of `ids`; nil if they show none.
  init?(_ images: [[PlacedImage]], ids: [Int32], width: Int, for model: any TokenModel) {
    let images = images.enumerated().flatMap { row, images in
      images.map { placed in
        Image(
          values: placed.image.values, shape: [placed.image.channels, placed.image.height, placed.image.width],
          grid: placed.image.grid.map { ($0.rows, $0.columns) },
          area: placed.image.area.map {
            ImageInput.Area(
              kept: ($0.kept.rows, $0.kept.columns), shown: ($0.shown.rows, $0.shown.columns))
          }, starts: [row * width + placed.position], count: placed.count)
      }
    }
    let token = (model as? any VisionLanguageModel)?.imageToken ?? 0
    self.init(images, ids: ids, token: Int32(clamping: token), device: model.head.weight.device)
  }
}
