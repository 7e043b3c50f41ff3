// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenModels
import Torch

/// A tiny image model of `Tests/Fixtures/images/make.py` and what its twin in PyTorch computes with it.
struct ImageFixture: CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  static let gpt = ImageFixture(name: "gpt")
  static let tokenizers = [ImageFixture(name: "vq"), ImageFixture(name: "vq-plain")]
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/images").path

  var path: String { Self.folder + "/" + name }

  /// A tensor of `expected.safetensors`.
  func expected(_ name: String) throws -> Tensor {
    let file = try SafetensorsFile(path + "/expected.safetensors")
    guard let stored = file[name] else { throw TorchError("no \(name) in \(file.file.path)") }
    return try Tensor(stored, copying: true)
  }

  /// Class and codes of the decoder's fixture as ids, `[3, 17]`.
  static func ids(_ model: LlamaGen) throws -> Tensor {
    let classes = try gpt.expected("classes") + Tensor(scalar: Int64(model.configuration.codes))
    return .cat([classes.unsqueeze(-1), try gpt.expected("codes")], 1)
  }

  /// Names and shapes of the published models.
  static func published(_ name: String) throws -> [String: [Int]] {
    let reader = try JSONReader(file: folder + "/names.json").at(name)
    var shapes: [String: [Int]] = [:]
    for (key, shape) in try reader.object().members {
      shapes[key] = try reader.child(key, shape).elements().map { try $0.int() }
    }
    return shapes
  }
}
