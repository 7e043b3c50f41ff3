// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// An adapter of `Tests/Fixtures/lora/make.py` and what PEFT computes with it.
struct AdapterFixture: CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  static let all = ["plain", "all-linear", "long-names"].map(AdapterFixture.init)
  static let script = Fixture.folder + "/../lora/check_saved.py"

  var path: String { Fixture.folder + "/../lora/" + name }

  func base() throws -> String {
    let name = try String(contentsOfFile: path + "/base.txt", encoding: .utf8)
    return Fixture.folder + "/" + name.trimmingCharacters(in: .whitespacesAndNewlines)
  }
  func model() throws -> Llama { try Llama(folder: base(), options: LoadOptions(dtype: .float32)) }
  func expected() throws -> SafetensorsFile { try SafetensorsFile(path + "/expected.safetensors") }
  func expected(_ name: String) throws -> Tensor {
    try Tensor(#require(expected()[name], "no \(name)"), copying: true)
  }
}

/// Adapters against PEFT: its files, values, gradients and merged weights.
@Suite struct LoRATests {
  @Test(arguments: AdapterFixture.all, [true, false])
  func logitsAndGradientsEqualPEFT(fixture: AdapterFixture, inPlace: Bool) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids")
    let before = noGrad { model.logits(ids) }
    try model.loadAdapters(folder: fixture.path)
    #expect(difference(noGrad { model.logits(ids) }, try fixture.expected("logits")) < 1e-5)
    #expect(difference(before, try fixture.expected("logits")) > 0.01)
    func run() throws {
      let logits = model.logits(ids), length = ids.size(1)
      let loss = logits.narrow(1, 0, length - 1).flatten(0, 1)
        .crossEntropy(ids.narrow(1, 1, length - 1).flatten(0, 1))
      #expect(difference(loss, try fixture.expected("loss")) < 1e-6)
      loss.backward()
    }
    if inPlace { try withGradientsInPlace(GradientBuffers(), run) } else { try run() }
    let gradients = try fixture.expected().tensors.filter { $0.name.hasPrefix("grad.") }
    #expect(model.trainableParameters().count == gradients.count)
    #expect(!gradients.isEmpty)
    for parameter in model.parameters() {
      guard parameter.box.isTrainable else {
        #expect(parameter.tensor.grad == nil, "\(parameter.key)")
        #expect(!parameter.tensor.requiresGrad, "\(parameter.key)")
        continue
      }
      let expected = try fixture.expected("grad.base_model.model." + parameter.key)
      #expect(difference(try #require(parameter.tensor.grad), expected) < 1e-6, "\(parameter.key)")
    }
  }

  @Test(arguments: AdapterFixture.all) func mergedWeightsEqualPEFT(fixture: AdapterFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), keys = model.parameters().map(\.key)
    try model.loadAdapters(folder: fixture.path)
    model.mergeLoRA()
    #expect(model.parameters().map(\.key) == keys)
    #expect(model.adapters.isEmpty)
    #expect(model.trainableParameters().isEmpty)
    #expect(difference(noGrad { model.logits(ids) }, try fixture.expected("logits")) < 1e-5)
    let merged = try fixture.expected().tensors.filter { $0.name.hasPrefix("merged.") }
    #expect(!merged.isEmpty)
    for stored in merged {
      let parameter = try #require(model.parameters().first { "merged." + $0.key == stored.name })
      #expect(difference(parameter.tensor, try Tensor(stored, copying: true)) < 1e-6, "\(parameter.key)")
    }
  }

  @Test func mergingRoundsOnce() throws {
    let model = try Llama(folder: AdapterFixture.all[0].base(), options: LoadOptions(dtype: .bfloat16))
    try model.loadAdapters(folder: AdapterFixture.all[0].path)
    let adapter = model.adapters[0], layer = adapter.layer
    #expect(layer.down.dtype == .bfloat16)
    let sum = layer.weight.to(.float64) + layer.up.to(.float64).mm(layer.down.to(.float64)) * 1.5
    model.mergeLoRA()
    let merged = try #require(model.parameters().first { $0.key == adapter.key + ".weight" }).tensor
    #expect(merged.dtype == .bfloat16)
    #expect(merged.isEqual(to: sum.detach().to(.float32).to(.bfloat16)))
  }

  /// Written, read again, and opened by PEFT.
  @Test(arguments: AdapterFixture.all) func whatIsWrittenIsWhatWasRead(fixture: AdapterFixture) throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/adapter"
    let model = try fixture.model(), again = try fixture.model(), ids = try fixture.expected("ids")
    try model.loadAdapters(folder: fixture.path)
    try model.saveAdapters(to: target)
    try again.loadAdapters(folder: target)
    #expect(again.adapters.map(\.layer.settings) == model.adapters.map(\.layer.settings))
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.key == b.key, "\(a.key)")
      #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    let (ours, theirs) = try (
      SafetensorsFile(target + "/adapter_model.safetensors"),
      SafetensorsFile(fixture.path + "/adapter_model.safetensors")
    )
    #expect(Set(ours.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
    guard let python = Self.python else { return }
    try SafetensorsWriter.write(
      [
        SafetensorsSource(name: "ids", tensor: ids),
        SafetensorsSource(name: "logits", tensor: noGrad { model.logits(ids) }),
      ], to: target + "/check.safetensors")
    #expect(try Self.differenceInPEFT(python, base: fixture.base(), adapter: target) < 1e-5)
  }

  static let python = ProcessInfo.processInfo.environment["DIST2_PYTHON"]

  /// A fresh adapter on every layer, after it was given values, opened by the real package.
  @Test(.enabled(if: python != nil, "DIST2_PYTHON names no Python with the peft package"))
  func peftOpensWhatWasAddedHere() throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/adapter"
    let fixture = Fixture.all[0], model = try fixture.model(), ids = try fixture.expected("ids")
    let settings = LoRASettings(rank: 5, alpha: 12, dropout: 0.1, targets: [LoRASettings.allLinear], base: fixture.path)
    try model.addLoRA(settings, seed: 3)
    noGrad { for (_, layer) in model.adapters { layer.up.normal_(std: 0.2, generator: Generator(seed: 4)) } }
    try model.saveAdapters(to: target)
    let logits = noGrad { model.logits(ids) }
    #expect(difference(logits, try fixture.expected("logits")) > 0.1)
    try SafetensorsWriter.write(
      [SafetensorsSource(name: "ids", tensor: ids), SafetensorsSource(name: "logits", tensor: logits)],
      to: target + "/check.safetensors")
    #expect(try Self.differenceInPEFT(#require(Self.python), base: fixture.path, adapter: target) < 1e-5)
  }

  private static func differenceInPEFT(_ python: String, base: String, adapter: String) throws -> Double {
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: python)
    process.arguments = [AdapterFixture.script, base, adapter]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return try #require(Double(text.trimmingCharacters(in: .whitespacesAndNewlines)), "PEFT could not open it")
  }
}

/// Adding adapters to a model, and refusing what does not fit.
@Suite struct AddingLoRATests {
  private let fixture = Fixture.all[0]

  @Test func aFreshAdapterChangesNothingAndIsAllThatIsTrained() throws {
    let model = try fixture.model(), other = try fixture.model(), ids = try fixture.expected("ids")
    let before = noGrad { model.logits(ids) }
    try model.addLoRA(LoRASettings(rank: 4, targets: ["q_proj", "v_proj"]), seed: 1)
    try other.addLoRA(LoRASettings(rank: 4, targets: ["q_proj", "v_proj"]), seed: 1)
    #expect(difference(noGrad { model.logits(ids) }, before) == 0)
    #expect(
      model.adapters.map(\.key)
        == (0..<2).flatMap { ["model.layers.\($0).self_attn.q_proj", "model.layers.\($0).self_attn.v_proj"] })
    #expect(model.trainableParameters().count == 8)
    for (a, b) in zip(model.adapters, other.adapters) {
      let down = a.layer.down.detach()
      #expect(down.isEqual(to: b.layer.down))
      #expect(a.layer.up.abs().max().item() == 0)
      // Uniform within ±1/√32: standard deviation 1/√96.
      #expect(down.abs().max().item() <= 1 / 32.0.squareRoot())
      #expect(down.abs().max().item() > 0.15)
      #expect(abs(down.norm().item() / 128.0.squareRoot() - 1 / 96.0.squareRoot()) < 0.015)
    }
    #expect(!model.adapters[0].layer.down.isEqual(to: model.adapters[1].layer.down))
  }

  /// Inverted dropout on the adapter's input alone: right on average, different every time, off in inference.
  @Test func dropoutActsOnTheAdapterWhileTraining() throws {
    let model = try fixture.model()
    try model.addLoRA(LoRASettings(rank: 4, alpha: 8, dropout: 0.5, targets: ["q_proj"]), seed: 1)
    let layer = model.adapters[0].layer
    noGrad { _ = layer.up.normal_(generator: Generator(seed: 2)) }
    let x = Tensor.ones([1, 32]), base = x.linear(layer.weight)
    let without = noGrad { layer(x) }
    #expect(difference(without, base + x.linear(layer.down).linear(layer.up) * 2.0) < 1e-5)
    model.setTraining(true)
    let samples = noGrad { layer(Tensor.ones([20_000, 32])) }
    #expect(difference(samples.select(0, 0), samples.select(0, 1)) > 1e-3)
    let spread = (without - base).abs().max().item()
    #expect(difference(samples.mean(0), without.select(0, 0)) < 0.05 * max(1, spread))
    model.setTraining(false)
    #expect(noGrad { layer(x) }.isEqual(to: without))
  }

  @Test(arguments: [
    (LoRASettings(targets: ["q_proj", "query"]), "found query", "down_proj, gate_proj, k_proj, o_proj, q_proj"),
    (LoRASettings(targets: ["lm_head"]), "lm_head, the head", "down_proj"),
    (LoRASettings(targets: ["proj"]), "found proj", "all-linear"),
    (LoRASettings(targets: []), "targets", "found none"),
    (LoRASettings(rank: 0), "rank", "from 1 on"), (LoRASettings(dropout: 1), "dropout", "below 1"),
    (LoRASettings(alpha: .nan), "alpha", "above 0"),
  ])
  func whatDoesNotFitIsRefused(settings: LoRASettings, first: String, second: String) throws {
    let model = try fixture.model()
    let error = try #require(#expect(throws: InputError.self) { try model.addLoRA(settings, seed: 1) })
    #expect(error.description.contains(first), "\(error)")
    #expect(error.description.contains(second), "\(error)")
    #expect(model.adapters.isEmpty)
  }

  @Test func aFolderThatDoesNotFitIsRefused() throws {
    let temporary = try TemporaryFolder(), source = AdapterFixture.all[0]
    let folder = temporary.path + "/adapter"
    func error(_ change: (inout [String: Tensor]) -> Void) throws -> String {
      var tensors: [String: Tensor] = [:]
      for stored in try SafetensorsFile(source.path + "/adapter_model.safetensors").tensors {
        tensors[stored.name] = try Tensor(stored, copying: true)
      }
      change(&tensors)
      let sources = tensors.sorted { $0.key < $1.key }.map { SafetensorsSource(name: $0.key, tensor: $0.value) }
      try SafetensorsWriter.write(sources, to: folder + "/adapter_model.safetensors")
      return try refusal()
    }
    func refusal() throws -> String {
      let model = try source.model()
      let error = try #require(#expect(throws: InputError.self) { try model.loadAdapters(folder: folder) })
      #expect(model.adapters.isEmpty)
      return error.description
    }
    try FileManager.default.copyItem(atPath: source.path, toPath: folder)
    let start = "base_model.model.model.layers.1.self_attn.v_proj.lora_"
    #expect(
      try error { $0[start + "B.weight"] = nil }.contains("missing: model.layers.1.self_attn.v_proj.lora_B.weight"))
    #expect(
      try error { $0["base_model.model.lm_head.weight"] = .ones([2]) }
        .contains("not used by the model: lm_head.weight"))
    #expect(try error { $0["extra"] = .ones([2]) }.contains("not used by the model: extra"))
    #expect(try error { $0[start + "A.weight"] = .ones([3, 32]) }.contains("[3, 32] instead of [4, 32]"))
    for (key, value, text) in [
      ("use_dora", true, "key use_dora"), ("bias", "all", "key bias: expected \"none\""),
      ("modules_to_save", ["lm_head"], "key modules_to_save"), ("r", 0, "from 1 on"),
      ("rank_pattern", ["q_proj": 3], "key rank_pattern"), ("some_new_option", 1, "key some_new_option"),
      ("target_modules", ".*proj", "regular expression"), ("target_modules", ["nothing"], "found nothing"),
      ("init_lora_weights", "pissa", "key init_lora_weights"), ("peft_type", "IA3", "key peft_type: expected LORA"),
      ("lora_alpha", "8", "key lora_alpha"),
    ] as [(String, JSON, String)] {
      try Data(contentsOf: URL(filePath: source.path + "/adapter_config.json"))
        .write(to: URL(filePath: folder + "/adapter_config.json"))
      try edit(folder + "/adapter_config.json") { $0[key] = value }
      #expect(try refusal().contains(text), "\(key)")
    }
  }
}
