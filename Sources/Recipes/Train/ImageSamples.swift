// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Reports
import TokenData
import TokenModels
import Torch
import TorchNN

/// Draws a few images now and then, the same classes with the same random numbers each time: `samples/step-N.png`.
final class ImageSamples: ProgressSamples {
  private let tokenizer: String?
  private let count: Int
  private let seed: UInt64
  private let folder: String
  private var steps: [Int] = []
  private var painter: VQModel?

  /// - Parameter tokenizer: the folder of the tokenizer; nothing is drawn without one.
  init(tokenizer: String?, count: Int, seed: UInt64, folder: String) {
    (self.tokenizer, self.count, self.seed, self.folder) = (tokenizer, count, seed, folder)
  }

  func resume(after step: Int) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    steps = names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5).dropLast(4)) : nil }.filter { $0 <= step }
      .sorted()
  }

  func take(_ model: any TokenModel, step: Int, _ display: TrainDisplay) throws {
    guard count > 0, let tokenizer, let model = model as? any ClassConditionalModel else { return }
    let painter = try self.painter ?? VQModel(folder: tokenizer, options: LoadOptions(device: model.head.weight.device))
    self.painter = painter
    let classes = (0..<count).map { $0 * model.classes / count }
    var images = [PixelImage]()
    let options = ImageSamplingOptions(sampling: Sampling(temperature: 1, seed: seed), batch: 16)
    try ImageSampler(model).sample(classes, options) { _, codes in
      images += try ImagePainter(painter).paint(codes).images
    }
    try makeFolders(folder)
    try PixelImage.grid(images, columns: min(8, count), gap: 2, scale: max(1, 64 / images[0].width))
      .writePNG(to: path(step))
    steps.removeAll { $0 == step }
    steps.append(step)
    display.note("step \(step), the model draws: \(path(step))")
  }

  func add(to page: inout HTMLReport) {
    let images = steps.spread.compactMap { step in (try? fileBytes(path(step))).map { (step, $0) } }
    guard !images.isEmpty else { return }
    page.section("Images as training went on")
    for (step, png) in images {
      page.image(png: png, description: "Images drawn after step \(step)", caption: "step \(step)")
    }
  }

  private func path(_ step: Int) -> String { "\(folder)/step-\(step).png" }
}

/// Turns codes into images.
struct ImagePainter {
  private let tokenizer: VQModel

  init(_ tokenizer: VQModel) { self.tokenizer = tokenizer }

  /// Images of codes `[n, L]`, row by row of square grids.
  ///
  /// - Parameter side: what they are resized to (bicubic, before they are cut to 0 … 255, as LlamaGen does); nil leaves
  ///   them as they are.
  /// - Throws: `InputError` if L is no square, or what the tokenizer throws.
  func paint(_ codes: Tensor, side: Int? = nil) throws -> ImageBatch {
    let length = codes.size(1), grid = Int(Double(length).squareRoot().rounded())
    guard grid * grid == length else {
      throw InputError(path: "codes", expected: "a square number of codes", found: "\(length)")
    }
    return ImageBatch(try decodedImages(of: codes.view([codes.size(0), grid, grid]), tokenizer, side: side))
  }
}
