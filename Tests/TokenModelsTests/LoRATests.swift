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
  static let all = [
    "plain", "all-linear", "long-names", "dora", "dora-biases", "patterns", "saved", "saved-tied", "saved-layer",
    "quantized", "quantized-dora",
  ].map(AdapterFixture.init)
  /// Those with three steps of AdamW.
  static let stepped = ["dora", "patterns", "saved", "saved-tied", "quantized"].map(AdapterFixture.init)
  static let script = Fixture.folder + "/../lora/check_saved.py"

  var path: String { Fixture.folder + "/../lora/" + name }

  func base() throws -> String {
    let name = try String(contentsOfFile: path + "/base.txt", encoding: .utf8)
    return Fixture.folder + "/" + name.trimmingCharacters(in: .whitespacesAndNewlines)
  }
  var isQuantized: Bool { name.hasPrefix("quantized") }
  func model(_ dtype: DType = .float32) throws -> Llama {
    let quantization = isQuantized ? QuantizationSettings() : nil
    return try Llama(folder: base(), options: LoadOptions(dtype: dtype, quantization: quantization))
  }
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
    let model = try fixture.model(), ids = try fixture.expected("ids")
    let keys = try Llama(folder: fixture.base()).parameters().map(\.key)
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

  /// The trained parameters after three steps, in float64. transformers rounds to float32 on the way, in norms and softmax.
  @Test(arguments: AdapterFixture.stepped) func threeStepsEqualPEFTAndAdamW(fixture: AdapterFixture) throws {
    let model = try fixture.model(.float64), ids = try fixture.expected("ids"), length = ids.size(1)
    try model.loadAdapters(folder: fixture.path)
    let parameters = model.trainableParameters(), tensors = parameters.map(\.tensor)
    let (first, second) = (tensors.map { $0.detach().zerosLike() }, tensors.map { $0.detach().zerosLike() })
    for step in 0..<3 {
      let loss = model.logits(ids).narrow(1, 0, length - 1).flatten(0, 1)
        .crossEntropy(ids.narrow(1, 1, length - 1).flatten(0, 1))
      #expect(abs(loss.item() - (try fixture.expected("losses")).select(0, step).item()) < 1e-6)
      loss.backward()
      noGrad {
        fusedAdamW_(
          parameters: tensors.map { $0.detach() }, gradients: tensors.map { $0.grad! }, firstMoments: first,
          secondMoments: second, steps: tensors.map { _ in Tensor(scalar: Float(step + 1)) }, learningRate: 1e-2,
          betas: (0.9, 0.999), weightDecay: 0.1, epsilon: 1e-8)
      }
      for tensor in tensors { tensor.grad = nil }
    }
    for parameter in parameters {
      let expected = try fixture.expected("after.base_model.model." + parameter.key)
      #expect(difference(parameter.tensor.detach(), expected.to(.float64)) < 1e-5, "\(parameter.key)")
    }
  }

  /// With dropout DoRA scales what is left of its input, and not the base's output. An exit test, since masks come from
  /// the process's generator.
  @Test func dropoutEqualsPEFT() async {
    await #expect(processExitsWith: .success) {
      Torch.threads = 1
      let fixture = AdapterFixture(name: "dora-biases")
      let model = try fixture.model(), ids = try fixture.expected("ids")
      try model.loadAdapters(folder: fixture.path)
      model.setTraining(true)
      Torch.seed(7)
      let logits = noGrad { model.logits(ids) }
      #expect(difference(logits, try fixture.expected("training.logits")) < 1e-5)
      #expect(difference(logits, try fixture.expected("logits")) > 1e-3)
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
    guard let python = Self.python, !fixture.isQuantized else { return }
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
    (LoRASettings(exclude: ["q_proj", "o_proj"]), "exclude", "mean: q_proj, v_proj, found o_proj"),
    (LoRASettings(targets: ["q_proj"], exclude: ["q_proj"]), "exclude", "every layer excluded"),
    (LoRASettings(rankPattern: ["up_proj": 2]), "rankPattern", "q_proj, v_proj, found up_proj"),
    (
      LoRASettings(exclude: ["layers.0.self_attn.q_proj"], rankPattern: ["0.self_attn.q_proj": 2]), "rankPattern",
      "found"
    ),
    (LoRASettings(alphaPattern: ["^q_proj": 2]), "alphaPattern", "found ^q_proj"),
    (LoRASettings(rankPattern: ["q_proj": 0]), "rankPattern", "0 for q_proj"),
    (LoRASettings(alphaPattern: ["q_proj": -1]), "alphaPattern", "-1.0 for q_proj"),
    (LoRASettings(rankPattern: ["v_proj": 17]), "rankPattern: expected at most 16", "found 17"),
    (LoRASettings(targets: ["embed_tokens"], decomposesWeights: true), "targets", "found embed_tokens"),
    (LoRASettings(modulesToSave: ["wte"]), "modulesToSave: expected embeddings, head, or names", "found wte"),
    (LoRASettings(modulesToSave: ["model"]), "modulesToSave", "trained whole"),
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
      ("use_dora", true, "missing: model.layers.{0-1}.self_attn.q_proj.lora_magnitude_vector"),
      ("use_dora", 1, "key use_dora"), ("bias", "all", "key bias: expected \"none\""),
      ("modules_to_save", ["lm_head"], "missing: lm_head.weight"),
      ("r", 0, "key r: expected a whole number from 1 on, found 0"),
      ("lora_dropout", 2, "key lora_dropout"), ("target_modules", [], "key target_modules"),
      ("modules_to_save", ["heads"], "key modules_to_save: expected embeddings, head, or names"),
      ("rank_pattern", ["q_proj": 3], "lora_A.weight [4, 32] instead of [3, 32]"),
      ("rank_pattern", ["q_proj": 5], "key rank_pattern: expected at most 4"),
      ("rank_pattern", ["k_proj": 3], "key rank_pattern: expected names of layers that are adapted: q_proj, v_proj"),
      ("rank_pattern", ["(q|k)_proj": 3], "key rank_pattern: expected names of layers, found the regular expression"),
      ("alpha_pattern", ["q_proj": "3"], "key alpha_pattern.q_proj"), ("some_new_option", 1, "key some_new_option"),
      ("exclude_modules", ".*q_proj", "key exclude_modules: expected a list of names"),
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

  /// Names in a run file end at a point, those of PEFT anywhere.
  @Test func modulesAreTrainedWhole() throws {
    let model = try fixture.model()
    try model.addLoRA(
      LoRASettings(rank: 2, targets: [LoRASettings.allLinear], modulesToSave: ["embeddings", "head", "norm", "0.mlp"]),
      seed: 1)
    let saved = model.trainableParameters().map(\.key).filter { !$0.contains("lora") }
    let mlp = ["gate_proj", "up_proj", "down_proj"].map { "model.layers.0.mlp.\($0).weight" }
    #expect(Set(saved) == Set(["model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"] + mlp))
    #expect(model.adapters.count == 4 + 7)
    let temporary = try TemporaryFolder(), config = temporary.path + "/adapter/adapter_config.json"
    try model.saveAdapters(to: temporary.path + "/adapter")
    // "norm" alone would mean input_layernorm to PEFT.
    let names = try JSONReader(file: config, limit: 1 << 20).at("modules_to_save").elements().map { try $0.string() }
    #expect(Set(names) == ["model.embed_tokens", "lm_head", "model.norm", "model.layers.0.mlp"])
    let again = try fixture.model()
    try again.loadAdapters(folder: temporary.path + "/adapter")
    #expect(again.trainableParameters().map(\.key) == model.trainableParameters().map(\.key))
  }

  /// The head of a tied model is its table: one of them trained alone is two tables, which the model does not have.
  @Test func aTiedTableIsTrainedOnce() throws {
    let fixture = AdapterFixture(name: "saved-tied"), temporary = try TemporaryFolder()
    let model = try fixture.model()
    try model.addLoRA(LoRASettings(rank: 2, modulesToSave: ["head"]), seed: 1)
    #expect(model.trainableParameters().map(\.key).contains("model.embed_tokens.weight"))
    let folder = temporary.path + "/adapter"
    try FileManager.default.copyItem(atPath: fixture.path, toPath: folder)
    try edit(folder + "/adapter_config.json") { $0["ensure_weight_tying"] = false }
    let error = try #require(
      #expect(throws: InputError.self) { try fixture.model().loadAdapters(folder: folder) })
    #expect(error.place == "key ensure_weight_tying")
    try edit(folder + "/adapter_config.json") { $0["modules_to_save"] = ["lm_head"] }
    let other = try #require(
      #expect(throws: InputError.self) { try fixture.model().loadAdapters(folder: folder) })
    #expect(other.description.contains("found lm_head. The head of this model is its table of embeddings."))
  }

  /// A fresh DoRA computes exactly what the model did, whatever its type; its norms are those of the matrix.
  @Test(arguments: [DType.float32, .bfloat16, .float64]) func aFreshMagnitudeChangesNothing(dtype: DType) throws {
    let model = try Llama(folder: fixture.path, options: LoadOptions(dtype: dtype)), ids = try fixture.expected("ids")
    let before = noGrad { model.logits(ids) }
    try model.addLoRA(LoRASettings(targets: [LoRASettings.allLinear], decomposesWeights: true), seed: 1)
    #expect(noGrad { model.logits(ids) }.isEqual(to: before))
    // What was computed without a graph is not kept beyond a change of the adapter.
    noGrad {
      for (_, layer) in model.adapters {
        layer.up.normal_(std: 0.3, generator: Generator(seed: 2))
        layer.magnitude?.mul_(1.5)
      }
    }
    let after = noGrad { model.logits(ids) }, recorded = model.logits(ids)
    #expect(after.isEqual(to: recorded))
    #expect(difference(after, before) > 0.01)
    model.mergeLoRA()
    #expect(difference(noGrad { model.logits(ids) }, after) < (dtype == .bfloat16 ? 0.5 : 1e-4))
  }
}
