// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Recipes
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN

/// A tiny model of `Tests/Fixtures/import/make.py`.
private struct ImportFixture: CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  static let all = ["smollm", "llama3", "llama2"].map(ImportFixture.init)

  var gguf: String { importFixtures + "/\(name).gguf" }
  func expected() throws -> JSONReader { try JSONReader(file: importFixtures + "/\(name).json") }
  func weights() throws -> SafetensorsFile { try SafetensorsFile(importFixtures + "/\(name).safetensors") }
  func tokenizer() throws -> JSON { try JSONReader(file: importFixtures + "/\(name).tokenizer.json").value }
}

@Suite struct ImportTests {
  @Test(arguments: ImportFixture.all) private func weightsAreTheOriginals(_ fixture: ImportFixture) throws {
    let imported = try ImportedFolder(fixture.gguf, keeping: ProcessInfo.processInfo.environment["DIST2_KEEP"])
    let folder = try SafetensorsFolder(imported.path)
    let expected = try fixture.weights().tensors.filter { $0.name != "ids" && $0.name != "logits" }
    #expect(Set(folder.tensors.map(\.name)) == Set(expected.map(\.name)))
    for tensor in expected {
      let found = try #require(folder[tensor.name])
      #expect(found.type == .f32)
      #expect(found.shape == tensor.shape)
      #expect(found.withBytes(Array.init) == tensor.withBytes(Array.init), "\(tensor.name)")
    }
    #expect(imported.model.parameterCount == expected.reduce(0) { $0 + $1.shape.reduce(1, *) })
  }

  @Test(arguments: ImportFixture.all) private func logitsAreThoseOfTransformers(_ fixture: ImportFixture) throws {
    let imported = try ImportedFolder(fixture.gguf)
    let stored = try fixture.weights()
    let ids = try Tensor(try #require(stored["ids"]), copying: true)
    let expected = try Tensor(try #require(stored["logits"]), copying: true)
    let model = try loadModel(folder: imported.path)
    let logits = noGrad { model.logits(ids.unsqueeze(0)) }.select(0, 0)
    #expect(logits.shape == expected.shape)
    #expect((logits - expected).abs().max().item() < 1e-5)
  }

  @Test(arguments: ImportFixture.all) private func tokenizerIsTheOriginal(_ fixture: ImportFixture) throws {
    let imported = try ImportedFolder(fixture.gguf)
    let json = try JSONReader(file: imported.path + "/tokenizer.json").value
    let expected = try fixture.tokenizer()
    for key in ["added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"] {
      #expect(json[key] == expected[key], "\(key)")
    }
    for (key, value) in try JSONReader(expected, path: "expected").object(at: "model").members {
      #expect(json["model"]?[key] == value, "model.\(key)")
    }
    let tokenizer = try Tokenizer(folder: imported.path)
    for pair in try fixture.expected().at("texts").elements() {
      let ids = try pair.at("ids").elements().map { Int32(try $0.int()) }
      let text = try pair.string(at: "text")
      #expect(tokenizer.encode(text).ids == ids, "\(text)")
    }
  }

  @Test(arguments: ImportFixture.all) private func settingsAreTheOriginals(_ fixture: ImportFixture) throws {
    let imported = try ImportedFolder(fixture.gguf)
    let expected = try fixture.expected()
    for (file, key) in [("config.json", "config"), ("tokenizer_config.json", "tokenizer_config")] {
      let found = try JSONReader(file: imported.path + "/" + file).value
      for (name, value) in try expected.object(at: key).members {
        #expect(found[name] == value, "\(file): \(name)")
      }
    }
    let generation = try JSONReader(file: imported.path + "/generation_config.json").value
    #expect(generation["eos_token_id"] == expected.value["config"]?["eos_token_id"])
    try #expect(JSONReader(file: imported.path + "/config.json").string(at: "torch_dtype") == "float32")
  }

  /// A file that names no end of a turn: the mark of its template ends generation as well.
  @Test func theTemplatesMarkEndsGeneration() throws {
    // One that is known, and one that is not: of that, the marks of turns that it writes.
    for template in [ChatTemplate.smollm2.jinja(), "x<|im_end|> <e> <|eot_id|>"] {
      try withImportFolder { folder in
        var gguf = try EditableGGUF(importFixtures + "/smollm.gguf")
        try gguf.set("tokenizer.ggml.eos_token_id", to: UInt32(0))
        try gguf.rename("tokenizer.chat_template", to: "tokenizer.chat_templatf")
        let length = withUnsafeBytes(of: UInt64(template.utf8.count).littleEndian) { Array($0) }
        gguf.insert("tokenizer.chat_template", 8, length + Array(template.utf8))
        try gguf.write(to: folder + "/a.gguf")
        _ = try GGUFImport(folder + "/a.gguf").write(to: folder + "/a")
        for file in ["config.json", "generation_config.json"] {
          #expect(try JSONReader(file: "\(folder)/a/\(file)").value["eos_token_id"] == [0, 2])
        }
      }
    }
  }

  @Test(arguments: [GGUFImport.Precision.bf16, .f16]) func halves(_ precision: GGUFImport.Precision) throws {
    let fixture = ImportFixture.all[0]
    let imported = try ImportedFolder(fixture.gguf, precision: precision)
    let dtype = precision == .bf16 ? DType.bfloat16 : .float16
    try #expect(JSONReader(file: imported.path + "/config.json").string(at: "torch_dtype") == "\(dtype)")
    for tensor in try SafetensorsFolder(imported.path).tensors {
      let found = try Tensor(tensor, copying: true)
      let full = try Tensor(try #require(try fixture.weights()[tensor.name]), copying: true)
      #expect(found.dtype == dtype)
      #expect((found.to(.float32) - full.to(dtype).to(.float32)).abs().max().item() == 0, "\(tensor.name)")
    }
  }

  @Test func shardsAndProgress() throws {
    let fixture = ImportFixture.all[1]
    let imported = try ImportedFolder(fixture.gguf)
    let sharded = imported.path + "-sharded"
    defer { try? FileManager.default.removeItem(atPath: sharded) }
    var counts: [Int] = []
    let summary = try imported.model.write(to: sharded, maxShardBytes: 20_000) { counts.append($0) }
    #expect(counts == counts.sorted())
    #expect(counts.last == imported.model.parameterCount)
    #expect(summary.files.map(\.name).contains("model.safetensors.index.json"))
    #expect(summary.files.allSatisfy { $0.bytes > 0 })
    let (whole, parts) = (try SafetensorsFolder(imported.path), try SafetensorsFolder(sharded))
    #expect(parts.files.count > 2)
    #expect(parts.tensors.count == whole.tensors.count)
    for tensor in whole.tensors {
      #expect(parts[tensor.name]?.withBytes(Array.init) == tensor.withBytes(Array.init))
    }
  }
}
