// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenModels
import Torch
import TorchNN

/// A tiny checkpoint of a model that sees, and what transformers computes with it: `make.py` of its folder in
/// `Tests/Fixtures` says what its `expected.safetensors` holds.
struct VisionFixture: CustomTestStringConvertible {
  let name: String
  private let folder: String
  var testDescription: String { name }
  var path: String {
    URL(filePath: Fixture.folder).deletingLastPathComponent().appending(path: "\(folder)/\(name)").path
  }

  static let all =
    [
      VisionFixture(name: "paligemma", folder: "paligemma"), VisionFixture(name: "paligemma2", folder: "paligemma"),
      VisionFixture(name: "smolvlm", folder: "smolvlm"), VisionFixture(name: "idefics3", folder: "smolvlm"),
    ] + qwen
  /// Those of Qwen-VL, whose images are patches.
  static let qwen = ["qwen25vl", "qwen25flat", "qwen3vl", "qwen3tied"].map { VisionFixture(name: $0, folder: "qwenvl") }

  /// The model in float32, as the expected values were computed.
  func model() throws -> any PretrainedModel & VisionLanguageModel {
    let model = try loadModel(folder: path, options: LoadOptions(dtype: .float32))
    return try #require(model as? any PretrainedModel & VisionLanguageModel)
  }

  /// Everything in `expected.safetensors`.
  func file() throws -> SafetensorsFile { try SafetensorsFile(path + "/expected.safetensors") }

  /// One of its tensors.
  func expected(_ name: String) throws -> Tensor { try Tensor(#require(file()[name], "\(name)"), copying: true) }

  func numbers(_ name: String) throws -> [Int] { try expected(name).flatten().array(of: Int64.self).map(Int.init) }

  /// One image: the row that shows it, its first token and how many there are, and what the model takes.
  struct Shown {
    var row: Int, start: Int, count: Int
    var image: ImageInput.Image
  }

  /// The images in order.
  func images() throws -> [Shown] {
    let places = try numbers("images"), pixels = try expected("pixels")
    let patches = try file()["grids"] == nil ? [] : numbers("grids")
    let grids = stride(from: 0, to: patches.count, by: 2).map { (rows: patches[$0], columns: patches[$0 + 1]) }
    let views =
      try file()["views"] != nil
      ? numbers("views") : grids.isEmpty ? places.map { _ in 1 } : grids.map { $0.rows * $0.columns }
    var first = 0
    return (0..<places.count / 3).map { index in
      let (row, start, count) = (places[3 * index], places[3 * index + 1], places[3 * index + 2])
      defer { first += views[index] }
      return Shown(
        row: row, start: start, count: count,
        image: ImageInput.Image(
          values: pixels.narrow(0, first, views[index]).contiguous().array(of: Float.self),
          shape: Array(pixels.shape.dropFirst()),
          grid: grids.isEmpty ? views[index] == 1 ? nil : (1, views[index] - 1) : grids[index], starts: [],
          count: count))
    }
  }

  /// The fixture's rows as one input.
  func input() throws -> ModelInput {
    let ids = try expected("ids"), length = ids.size(1)
    let images = try images().map { shown in
      var image = shown.image
      image.starts = [shown.row * length + shown.start]
      return image
    }
    var input = ModelInput(ids: ids, images: try self.input(of: images, ids))
    input.prompts = try numbers("prompts").map { [$0] }
    return input
  }

  /// Images among these tokens.
  func input(of images: [ImageInput.Image], _ ids: Tensor) throws -> ImageInput? {
    let flat = ids.contiguous().flatten().array(of: Int64.self).map { Int32($0) }
    return ImageInput(images, ids: flat, token: Int32(try model().imageToken))
  }

  /// Some tokens of a row, with the images that begin in them.
  func input(row: Int, _ tokens: Range<Int>) throws -> ModelInput {
    let images = try images().filter { $0.row == row && tokens.contains($0.start) }.map { shown in
      var image = shown.image
      image.starts = [shown.start - tokens.lowerBound]
      return image
    }
    let ids = try expected("ids").narrow(0, row, 1).narrow(1, tokens.lowerBound, tokens.count)
    var input = ModelInput(ids: ids, images: try self.input(of: images, ids))
    input.prompts = [[max(0, try numbers("prompts")[row] - tokens.lowerBound)]]
    return input
  }
}
