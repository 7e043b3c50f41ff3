// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// A tiny checkpoint of `Tests/Fixtures/llama/make.py` and what transformers computes with it.
struct Fixture: CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  static let all = ["gqa-llama3", "mha-biases", "headdim-tied", "bf16-tied", "mistral"].map(Fixture.init)
  static let withGradients = all.prefix(3)
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama").path

  var path: String { Self.folder + "/" + name }

  /// The model in float32, as the expected values were computed.
  func model() throws -> Llama { try Llama(folder: path, options: LoadOptions(dtype: .float32)) }

  /// A tensor of `expected.safetensors`.
  func expected(_ name: String) throws -> Tensor {
    let file = try SafetensorsFile(path + "/expected.safetensors")
    guard let stored = file[name] else { throw TorchError("no \(name) in \(file.file.path)") }
    return try Tensor(stored, copying: true)
  }
}

extension TemporaryFolder {
  /// A copy of a fixture's checkpoint, to damage.
  func copy(of fixture: Fixture) throws -> String {
    let target = path + "/" + fixture.name
    try FileManager.default.copyItem(atPath: fixture.path, toPath: target)
    return target
  }
}
