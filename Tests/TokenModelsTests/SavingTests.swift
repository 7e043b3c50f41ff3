// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What is written is what was read. `Tests/Fixtures/llama/check_saved.py` opens the same folders in transformers.
@Suite struct SavingTests {
  @Test(arguments: Fixture.all, [5_000_000_000, 30_000])
  func savingAndLoadingIsBitIdentical(fixture: Fixture, maxShardBytes: Int) throws {
    let temporary = try TemporaryFolder()
    let target = temporary.path + "/saved"
    let model = try Llama(folder: fixture.path)
    try model.save(to: target, maxShardBytes: maxShardBytes)
    let isSharded = FileManager.default.fileExists(atPath: target + "/model.safetensors.index.json")
    #expect(isSharded == (maxShardBytes == 30_000))
    let again = try #require(try loadModel(folder: target) as? Llama)
    #expect(again.configuration == model.configuration)
    #expect(again.parameters().map(\.key) == model.parameters().map(\.key))
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.tensor.dtype == b.tensor.dtype)
      #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      let kind = isSharded ? "sharded" : "whole"
      try model.save(to: "\(folder)/\(kind)/\(fixture.name)", maxShardBytes: maxShardBytes, replacing: true)
    }
  }

  @Test func unknownKeysOfTheConfigurationSurviveAndTheTypeIsUpdated() throws {
    let temporary = try TemporaryFolder()
    let source = try temporary.copy(of: Fixture.all[0])
    try edit(source + "/config.json") { $0["some_future_key"] = ["a": [1, 2.5, "é"]] }
    try Data("{}".utf8).write(to: URL(fileURLWithPath: source + "/tokenizer.json"))
    let model = try Llama(folder: source)
    try model.save(to: temporary.path + "/saved", tokenizer: source, dtype: .bfloat16)
    let before = try JSONReader(file: source + "/config.json").object()
    let after = try JSONReader(file: temporary.path + "/saved/config.json").object()
    #expect(before.members.map(\.key) == after.members.map(\.key))
    for (key, value) in before.members {
      #expect(after[key] == (key == "torch_dtype" ? "bfloat16" : value), "\(key)")
    }
    #expect(try fileBytes(temporary.path + "/saved/tokenizer.json") == Array("{}".utf8))
    let again = try Llama(folder: temporary.path + "/saved")
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.tensor.to(.bfloat16).isEqual(to: b.tensor), "\(a.key)")
    }
  }

  @Test(arguments: [
    LlamaConfiguration(vocabularySize: 10, hiddenSize: 8, intermediateSize: 12, layers: 1, heads: 2),
    LlamaConfiguration(
      vocabularySize: 10, hiddenSize: 8, intermediateSize: 12, layers: 2, heads: 2, keyValueHeads: 1, headDimension: 6,
      contextLength: 64, epsilon: 1e-5, theta: 5e5,
      scaling: .llama3(factor: 8, low: 1, high: 4, originalLength: 16), tiesEmbeddings: true, attentionBias: true,
      mlpBias: true, initialDeviation: 0.1, beginToken: 1, endTokens: [2, 3]),
    LlamaConfiguration(
      vocabularySize: 10, hiddenSize: 8, intermediateSize: 12, layers: 1, heads: 2, scaling: .linear(factor: 2),
      endTokens: [2]),
  ])
  func aModelMadeInCodeComesBack(configuration: LlamaConfiguration) throws {
    let temporary = try TemporaryFolder()
    let model = Llama(configuration, generator: Generator(seed: 3))
    try model.save(to: temporary.path + "/saved")
    let again = try Llama(folder: temporary.path + "/saved")
    #expect(again.configuration == configuration)
    let ids = Tensor([1, 2, 3, 4] as [Int64], shape: [1, 4])
    #expect(noGrad { model.logits(ids).isEqual(to: again.logits(ids)) })
  }

  /// Training writes to mapped weights; the file must not notice.
  @Test func mappedWeightsCanBeWrittenToWithoutTouchingTheFile() throws {
    let temporary = try TemporaryFolder()
    let source = try temporary.copy(of: Fixture.all[1])
    let before = try fileBytes(source + "/model.safetensors")
    let model = try Llama(folder: source)
    for parameter in model.parameters() { parameter.tensor.fill_(7) }
    #expect(model.parameters().allSatisfy { $0.tensor.min().item() == 7 })
    #expect(try fileBytes(source + "/model.safetensors") == before)
    // And the file may be replaced by what was read from it.
    try model.save(to: source, replacing: true)
    #expect(try Llama(folder: source).parameters().allSatisfy { $0.tensor.max().item() == 7 })
  }

  @Test func anExistingFolderIsKept() throws {
    let temporary = try TemporaryFolder()
    let source = try temporary.copy(of: Fixture.all[2])
    let model = try Llama(folder: source)
    #expect(throws: InputError.self) { try model.save(to: source) }
    let error = #expect(throws: InputError.self) {
      try model.save(to: temporary.path + "/new", tokenizer: temporary.path)
    }
    #expect(error?.expected.contains("tokenizer.json") == true)
    #expect(!FileManager.default.fileExists(atPath: temporary.path + "/new"))
    #expect(difference(try Llama(folder: source).head.weight, model.head.weight) == 0)
  }
}

/// Changes a JSON object in a file.
func edit(_ path: String, _ change: (inout JSONObject) throws -> Void) throws {
  var object = try JSONReader(file: path).object()
  try change(&object)
  try Data(JSON.object(object).text().utf8).write(to: URL(fileURLWithPath: path))
}
