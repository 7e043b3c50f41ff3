// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// A tiny classifier of `Tests/Fixtures/classifier/make.py` and what transformers or PEFT computes with it.
enum ClassifierFixture {
  static let folder = Fixture.folder + "/../classifier"
  static let pad: Int64 = 47

  static func model(_ name: String) throws -> SequenceClassifier {
    try SequenceClassifier(folder: folder + "/" + name, options: LoadOptions(dtype: .float32))
  }
  static func expected(_ name: String, _ key: String) throws -> Tensor {
    let file = try SafetensorsFile("\(folder)/\(name)/expected.safetensors")
    return try Tensor(#require(file[key], "no \(key)"), copying: true)
  }
  /// Scores `[B, K]` at the documents' last tokens.
  static func scores(_ model: any TokenModel, of name: String) throws -> Tensor {
    let ids = try expected(name, "ids")
    let ends = try expected(name, "lengths").array(of: Int64.self).enumerated()
      .map { Int64($0.offset * ids.size(1)) + $0.element - 1 }
    return noGrad { model.head(model.hidden(ModelInput(ids: ids), cache: nil, rows: Tensor(ends))) }
  }
}

/// Pooled logits against transformers, and folders that go to and fro.
@Suite struct SequenceClassifierTests {
  @Test(arguments: ["three", "one"]) func scoresEqualTransformers(name: String) throws {
    let model = try #require(
      loadModel(folder: ClassifierFixture.folder + "/" + name, options: LoadOptions(dtype: .float32))
        as? SequenceClassifier)
    let expected = try ClassifierFixture.expected(name, "logits")
    #expect(difference(try ClassifierFixture.scores(model, of: name), expected) < 1e-5)
    #expect(model.outputs == expected.size(1))
    #expect(model.labels == (0..<model.outputs).map { "LABEL_\($0)" })
    #expect(model.vocabularySize == 48)
    #expect(model.padToken == 47)
    // Documents end to end give the same.
    let ids = try ClassifierFixture.expected(name, "ids")
    let lengths = try ClassifierFixture.expected(name, "lengths").array(of: Int64.self).map(Int.init)
    let packed = lengths.enumerated().map { ids.select(0, $0.offset).narrow(0, 0, $0.element) }
    let ends = lengths.indices.map { Int64(lengths[...$0].reduce(0, +) - 1) }
    let hidden = noGrad {
      model.hidden(
        ModelInput(ids: Tensor.cat(packed).unsqueeze(0), documents: [lengths]), cache: nil, rows: Tensor(ends))
    }
    #expect(difference(noGrad { model.head(hidden) }, expected) < 1e-5)
  }

  @Test(arguments: ["three", "one"]) func savingAndLoadingIsBitIdentical(name: String) throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/saved"
    let model = try ClassifierFixture.model(name)
    try model.save(to: target)
    let again = try #require(try loadModel(folder: target) as? SequenceClassifier)
    #expect(again.configurationJSON == model.configurationJSON)
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.key == b.key, "\(a.key)")
      #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    guard let python = LoRATests.python else { return }
    #expect(try Self.differenceInTransformers(python, model, target, like: name) < 1e-5)
  }

  /// A fresh head on a language model's decoder: seeded, of the deviation the configuration asks for, and all else as
  /// it was.
  @Test(arguments: ["gqa-llama3", "headdim-tied", "bf16-tied", "mistral"])
  func aLanguageModelGetsAHead(name: String) throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/saved"
    let folder = Fixture.folder + "/" + name, labels = ["helpfulness", "correctness", "verbosity"]
    let base = try Llama(folder: folder)
    let model = try SequenceClassifier(from: folder, outputs: 3, labels: labels, padToken: 47, seed: 5)
    let same = try SequenceClassifier(from: base, outputs: 3, seed: 5)
    let keys = base.parameters().map(\.key).filter { $0 != "lm_head.weight" }
    #expect(model.parameters().map(\.key) == keys + ["score.weight"])
    for parameter in base.parameters() where keys.contains(parameter.key) {
      let own = try #require(model.parameters().first { $0.key == parameter.key })
      #expect(own.tensor.isEqual(to: parameter.tensor), "\(parameter.key)")
    }
    #expect(model.head.weight.dtype == base.head.weight.dtype)
    #expect(model.head.weight.shape == [3, 32])
    #expect(model.head.weight.isEqual(to: same.head.weight))
    #expect(!model.head.weight.isEqual(to: try SequenceClassifier(from: base, outputs: 3, seed: 6).head.weight))
    #expect(abs(model.head.weight.to(.float32).norm().item() / 96.0.squareRoot() - 0.02) < 0.005)

    try model.save(to: target)
    let again = try #require(try loadModel(folder: target) as? SequenceClassifier)
    #expect(again.labels == labels)
    #expect(again.padToken == 47)
    #expect(again.head.weight.isEqual(to: model.head.weight))
    let config = try JSONReader(file: target + "/config.json")
    #expect(try config.at("architectures").elements()[0].string().hasSuffix("ForSequenceClassification"))
    #expect(try config.string(at: "problem_type") == "regression")
    #expect(try config.at("label2id").int(at: "verbosity") == 2)
    // Another head in the place of that one.
    #expect(try SequenceClassifier(from: target, outputs: 1, seed: 1).labels == ["LABEL_0"])
    guard let python = LoRATests.python else { return }
    let exact = try SequenceClassifier(folder: target, options: LoadOptions(dtype: .float32))
    #expect(try Self.differenceInTransformers(python, exact, target, like: "three") < 1e-5)
  }

  @Test func whatCannotBeMeantIsRefused() throws {
    let temporary = try TemporaryFolder(), base = try Fixture.all[0].model()
    #expect(throws: InputError.self) { try SequenceClassifier(from: base, outputs: 0, seed: 1) }
    #expect(throws: InputError.self) { try SequenceClassifier(from: base, outputs: 2, labels: ["a"], seed: 1) }
    #expect(throws: InputError.self) { try SequenceClassifier(from: base, outputs: 2, labels: ["a", "a"], seed: 1) }
    let folder = temporary.path + "/broken"
    func refusal(_ change: (inout JSONObject) -> Void) throws -> String {
      try? FileManager.default.removeItem(atPath: folder)
      try FileManager.default.copyItem(atPath: ClassifierFixture.folder + "/three", toPath: folder)
      try edit(folder + "/config.json", change)
      return "\(try #require(#expect(throws: InputError.self) { try loadModel(folder: folder) }))"
    }
    #expect(try refusal { $0["id2label"] = ["0": "a", "2": "b"] }.contains("id2label.1"))
    #expect(try refusal { $0["id2label"] = [:] }.contains("1 ... 65536 labels"))
    #expect(try refusal { $0["num_labels"] = 2 }.contains("num_labels: expected 3"))
    let none = try refusal { config in
      config["id2label"] = .null
      config["num_labels"] = 0
    }
    #expect(none.contains("num_labels: expected a whole number of 1 ... 65536"), "\(none)")
    #expect(try refusal { $0["id2label"] = ["0": "a"] }.contains("score.weight [3, 32] instead of [1, 32]"))
    #expect(try refusal { $0["pad_token_id"] = "x" }.contains("pad_token_id"))
    #expect(try refusal { $0["architectures"] = ["LlamaForCausalLM"] }.contains("lm_head.weight"))
    #expect(try refusal { $0["architectures"] = "x" }.contains("architectures"))
    #expect(try refusal { $0["model_type"] = "falcon" }.contains("llamagen, llava, llava_onevision, ministral3"))
    #expect(try refusal { $0["model_type"] = "gpt2" }.contains("a language model, which alone is supported of gpt2"))
    #expect(try refusal { $0["model_type"] = "granite" }.contains("no head of scores"))
  }

  /// Opens a saved folder in transformers and compares scores with those of the model.
  static func differenceInTransformers(
    _ python: String, _ model: SequenceClassifier, _ folder: String, like name: String, _ rest: [String] = []
  ) throws -> Double {
    let temporary = try TemporaryFolder(), check = temporary.path + "/check.safetensors"
    try SafetensorsWriter.write(
      [
        SafetensorsSource(name: "ids", tensor: ClassifierFixture.expected(name, "ids")),
        SafetensorsSource(name: "logits", tensor: ClassifierFixture.scores(model, of: name)),
        SafetensorsSource(name: "pad", tensor: Tensor([ClassifierFixture.pad])),
      ], to: check)
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: python)
    process.arguments = [ClassifierFixture.folder + "/check_saved.py", folder, check] + rest
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return try #require(Double(text.trimmingCharacters(in: .whitespacesAndNewlines)), "it could not be opened")
  }
}

/// Adapters of a classifier, with which the head is trained and saved.
@Suite struct ClassifierAdapterTests {
  private static let adapter = ClassifierFixture.folder + "/adapter"

  @Test func scoresEqualPEFT() throws {
    let model = try ClassifierFixture.model("three"), before = model.head.weight
    try model.loadAdapters(folder: Self.adapter)
    let expected = try ClassifierFixture.expected("adapter", "logits")
    #expect(difference(try ClassifierFixture.scores(model, of: "adapter"), expected) < 1e-5)
    #expect(difference(model.head.weight, before) > 0.1)
    #expect(model.trainableParameters().count == 9)  // A and B of two layers in two blocks, and the head
    #expect(model.trainableParameters().contains { $0.key == "score.weight" })
    model.mergeLoRA()
    #expect(difference(try ClassifierFixture.scores(model, of: "adapter"), expected) < 1e-5)
  }

  @Test func whatIsWrittenIsWhatWasRead() throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/adapter"
    let model = try ClassifierFixture.model("three"), again = try ClassifierFixture.model("three")
    try model.loadAdapters(folder: Self.adapter)
    try model.saveAdapters(to: target)
    try again.loadAdapters(folder: target)
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.key == b.key, "\(a.key)")
      #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    func names(_ folder: String) throws -> Set<String> {
      Set(try SafetensorsFile(folder + "/adapter_model.safetensors").tensors.map(\.name))
    }
    #expect(try names(target) == names(Self.adapter))
    #expect(try names(target).contains("base_model.model.score.weight"))
    let config = try JSONReader(file: target + "/adapter_config.json")
    #expect(try config.array(at: "modules_to_save") == ["score"] && config.string(at: "task_type") == "SEQ_CLS")
  }

  /// A fresh head and adapter on a language model; PEFT opens them on the language model's folder.
  @Test(.enabled(if: LoRATests.python != nil, "DIST2_PYTHON names no Python with the peft package"))
  func peftOpensWhatWasAddedHere() throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/adapter"
    let base = Fixture.all[0].path, options = LoadOptions(dtype: .float32)
    let model = try SequenceClassifier(from: base, outputs: 3, seed: 2, options: options)
    try model.addLoRA(LoRASettings(rank: 5, alpha: 12, targets: [LoRASettings.allLinear], base: base), seed: 3)
    #expect(model.adapters.count == 14)
    #expect(model.trainableParameters().count == 29)
    noGrad {
      for (_, layer) in model.adapters { layer.up.normal_(std: 0.2, generator: Generator(seed: 4)) }
      model.head.weight.normal_(generator: Generator(seed: 5))
    }
    try model.saveAdapters(to: target)
    let worst = try SequenceClassifierTests.differenceInTransformers(
      #require(LoRATests.python), model, base, like: "three", [target, "3"])
    let size = try ClassifierFixture.scores(model, of: "three").abs().max().item()
    #expect(worst < 2e-6 * size, "\(worst) of \(size)")
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let temporary = try TemporaryFolder(), folder = temporary.path + "/adapter"
    try FileManager.default.copyItem(atPath: Self.adapter, toPath: folder)
    // An adapter with a head, on a language model; other modules than the head, on a classifier.
    let language = try Fixture.all[0].model()
    let error = try #require(#expect(throws: InputError.self) { try language.loadAdapters(folder: folder) })
    #expect(error.description.contains("modules_to_save"))
    try edit(folder + "/adapter_config.json") { $0["modules_to_save"] = ["score", "embed_tokens"] }
    let model = try ClassifierFixture.model("three"), head = model.head.weight
    let other = try #require(#expect(throws: InputError.self) { try model.loadAdapters(folder: folder) })
    #expect(other.description.contains("found missing: model.embed_tokens.weight"), "\(other)")
    // An adapter of a language model on a classifier: the head is missing.
    let missing = try #require(
      #expect(throws: InputError.self) { try model.loadAdapters(folder: AdapterFixture.all[0].path) })
    #expect(missing.description.contains("missing: score.weight"))
    #expect(model.adapters.isEmpty)
    #expect(model.head.weight === head)
    let target = #expect(throws: InputError.self) { try model.addLoRA(LoRASettings(targets: ["score"]), seed: 1) }
    #expect(target?.found == "score, the head, whose weight the loss reads")
  }
}
