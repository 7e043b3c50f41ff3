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
      VisionFixture(name: "gemma3", folder: "gemma3"), VisionFixture(name: "gemma3-narrow", folder: "gemma3"),
      VisionFixture(name: "onevision", folder: "llavaonevision"),
      VisionFixture(name: "onevision-scaled", folder: "llavaonevision"),
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
    var first = 0
    return try (0..<places.count / 3).map { index in
      let (row, start, count) = (places[3 * index], places[3 * index + 1], places[3 * index + 2])
      let grid = try grid(index), parts = grid.map { $0.rows * $0.columns } ?? 0
      let views = folder == "qwenvl" ? parts : 1 + parts
      defer { first += views }
      return Shown(
        row: row, start: start, count: count,
        image: ImageInput.Image(
          values: pixels.narrow(0, first, views).contiguous().array(of: Float.self),
          shape: Array(pixels.shape.dropFirst()), grid: grid, area: grid == nil ? nil : try area(index), starts: [],
          count: count))
    }
  }

  /// Parts of an image beside the view of the whole.
  private func grid(_ index: Int) throws -> (rows: Int, columns: Int)? {
    if try file()["grids"] != nil {
      let grid = try numbers("grids")[(2 * index)...].prefix(2)
      return grid.first == 0 ? nil : (grid.first!, grid.last!)
    }
    guard try file()["views"] != nil else { return nil }
    let views = try numbers("views")[index]
    return views == 1 ? nil : (1, views - 1)
  }

  private func area(_ index: Int) throws -> ImageInput.Area? {
    guard try file()["areas"] != nil else { return nil }
    let area = Array(try numbers("areas")[(4 * index)...].prefix(4))
    return ImageInput.Area(kept: (area[0], area[1]), shown: (area[2], area[3]))
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
