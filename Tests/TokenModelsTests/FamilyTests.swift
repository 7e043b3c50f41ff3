// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// A tiny checkpoint of `Tests/Fixtures/decoders/make.py` and what transformers computes with it.
struct FamilyFixture: CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }
  static let folder = URL(filePath: Fixture.folder).deletingLastPathComponent().appending(path: "decoders").path
  static let all = [
    "llama-dynamic", "mistral-window", "ministral3", "qwen2", "qwen2-window-yarn", "qwen3", "qwen3-tied-yarn",
    "qwen3-moe", "qwen3-moe-mixed", "gemma", "gemma2", "gemma3", "gemma3-linear", "olmo2", "olmo3", "granite",
    "smollm3", "phi3-window", "phi4-mini", "gpt2", "gpt-neox", "gpt-neox-serial",
  ].map(FamilyFixture.init)

  var path: String { Self.folder + "/" + name }

  /// The model in float32, as the expected values were computed.
  func model() throws -> any PretrainedModel { try loadModel(folder: path, options: LoadOptions(dtype: .float32)) }

  /// A tensor of `expected.safetensors`.
  func expected(_ name: String) throws -> Tensor {
    let file = try SafetensorsFile(path + "/expected.safetensors")
    return try Tensor(#require(file[name], "\(name)"), copying: true)
  }
}

/// Values and gradients of every family against transformers; see `Tests/Fixtures/decoders/make.py`.
@Suite struct FamilyTests {
  @Test(arguments: FamilyFixture.all) func logitsEqualTransformers(fixture: FamilyFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), wanted = try fixture.expected("logits")
    #expect(difference(noGrad { model.logits(ids) }, wanted) < 1e-5)
    #expect(difference(withKernels(.plain) { noGrad { model.logits(ids) } }, wanted) < 1e-5)
  }

  /// In the file's own type; what follows from rounding is small, and no part slips into another type.
  @Test(arguments: FamilyFixture.all) func bfloat16IsNearFloat32(fixture: FamilyFixture) throws {
    let model = try loadModel(folder: fixture.path), ids = try fixture.expected("ids")
    model.unfreeze()
    let logits = model.logits(ids), wanted = try fixture.expected("logits")
    #expect(logits.dtype == .bfloat16)
    #expect(difference(logits, wanted) < 0.08 * wanted.abs().max().item())
    logits.square().mean().backward()
    #expect(model.parameters().allSatisfy { $0.tensor.grad?.dtype == .bfloat16 })
  }

  /// With the layers' activations kept, and computed again.
  @Test(arguments: FamilyFixture.all, [false, true])
  func everyGradientEqualsTransformers(fixture: FamilyFixture, recomputing: Bool) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids")
    model.unfreeze()
    model.checkpointsActivations = recomputing
    let loss = nextTokenLoss(model, ids)
    #expect(difference(loss, try fixture.expected("loss")) < 2e-6)
    loss.backward()
    var seen = 0
    for (key, gradient) in try gradients(model) {
      // transformers has another name for GPT-NeoX's head in memory than in files.
      let wanted = try fixture.expected("grad." + (key == "embed_out.weight" ? "lm_head.weight" : key))
      let size = max(wanted.abs().max().item(), 1)
      #expect(difference(gradientSummary(gradient), wanted) < 2e-5 * size, "\(key)")
      seen += 1
    }
    #expect(seen == (try SafetensorsFile(fixture.path + "/expected.safetensors")).tensors.count - 4)
  }

  /// What `generate` of transformers appends.
  @Test(arguments: FamilyFixture.all) func greedyAnswersEqualTransformers(fixture: FamilyFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), wanted = try fixture.expected("greedy")
    let length = ids.size(1), count = wanted.size(1)
    let cache = model.makeCache(batch: 2, capacity: length + count)
    let tokens = noGrad {
      var input = ids, tokens: [Tensor] = []
      for _ in 0..<count {
        let hidden = model.hidden(ModelInput(ids: input), cache: cache, rows: nil)
        input = model.head(hidden.narrow(1, hidden.size(1) - 1, 1)).argmax(-1)
        tokens.append(input)
      }
      return Tensor.cat(tokens, 1)
    }
    #expect(tokens.isEqual(to: wanted))
  }

  /// The file is what was read, and another program's; `check_saved.py` opens the same folders in transformers.
  @Test(arguments: FamilyFixture.all) func savingAndLoadingIsBitIdentical(fixture: FamilyFixture) throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/saved"
    let model = try loadModel(folder: fixture.path)
    try model.save(to: target)
    let again = try loadModel(folder: target)
    #expect(again.configurationJSON == model.configurationJSON)
    #expect(again.parameters().map(\.key) == model.parameters().map(\.key))
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.tensor.dtype == .bfloat16)
      #expect(a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    let old = try SafetensorsFile(fixture.path + "/model.safetensors"),
      new = try SafetensorsFile(
        target + "/model.safetensors")
    #expect(new.tensors.map(\.name).sorted() == old.tensors.map(\.name).sorted())
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      try model.save(to: "\(folder)/families/\(fixture.name)", replacing: true)
    }
  }

  /// Adapters on every linear layer change nothing until they are trained, are trained alone, and fold in.
  @Test(arguments: FamilyFixture.all) func adaptersFitEveryFamily(fixture: FamilyFixture) throws {
    let temporary = try TemporaryFolder()
    let model = try fixture.model(), ids = try fixture.expected("ids"), wanted = try fixture.expected("logits")
    try model.addLoRA(LoRASettings(rank: 1, targets: [LoRASettings.allLinear]), seed: 1)
    #expect(difference(noGrad { model.logits(ids) }, wanted) < 1e-5)
    nextTokenLoss(model, ids).backward()
    #expect(model.adapters.allSatisfy { $0.layer.up.grad != nil })
    for (_, layer) in model.adapters { noGrad { layer.up.add_(layer.up.grad!, alpha: -0.1) } }
    let trained = noGrad { model.logits(ids) }
    #expect(difference(trained, wanted) > 1e-3)
    try model.saveAdapters(to: temporary.path + "/adapters")
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      let target = "\(folder)/adapters/\(fixture.name)"
      try model.saveAdapters(to: target, replacing: true)
      try SafetensorsWriter.write(
        [SafetensorsSource(name: "logits", tensor: trained)], to: target + "/trained.safetensors")
    }
    model.mergeLoRA()
    #expect(difference(noGrad { model.logits(ids) }, trained) < 2e-5)
    let other = try fixture.model()
    try other.loadAdapters(folder: temporary.path + "/adapters")
    #expect(difference(noGrad { other.logits(ids) }, trained) < 1e-6)
  }

  /// A head of scores in the place of the language model's reads the same hidden states.
  @Test(arguments: FamilyFixture.all) func classifiersOfEveryFamily(fixture: FamilyFixture) throws {
    let temporary = try TemporaryFolder(), model = try fixture.model(), ids = try fixture.expected("ids")
    let type = try JSONReader(file: fixture.path + "/config.json").string(at: "model_type")
    guard let decoder = model as? CausalLM, type != "granite" else {  // transformers has no such classes
      #expect(throws: InputError.self) { try SequenceClassifier(from: model, outputs: 2, seed: 1) }
      return
    }
    let classifier = try SequenceClassifier(from: model, outputs: 2, padToken: 0, seed: 1)
    let states = noGrad { classifier.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }
    #expect(difference(noGrad { decoder.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }, states) == 0)
    try classifier.save(to: temporary.path + "/saved")
    let again = try #require(loadModel(folder: temporary.path + "/saved") as? SequenceClassifier)
    #expect(difference(noGrad { again.logits(ids) }, noGrad { classifier.logits(ids) }) == 0)
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      try classifier.save(to: "\(folder)/classifiers/\(fixture.name)", replacing: true)
      let scores = [SafetensorsSource(name: "scores", tensor: noGrad { classifier.logits(ids) })]
      try SafetensorsWriter.write(scores, to: "\(folder)/classifiers/\(fixture.name)/scores.safetensors")
    }
  }

  private func nextTokenLoss(_ model: any PretrainedModel, _ ids: Tensor) -> Tensor {
    let logits = model.logits(ids), length = ids.size(1)
    return logits.narrow(1, 0, length - 1).flatten(0, 1).crossEntropy(ids.narrow(1, 1, length - 1).flatten(0, 1))
  }

  /// Gradients as transformers' parameters are laid out, under its names.
  private func gradients(_ model: any PretrainedModel) throws -> [(key: String, gradient: Tensor)] {
    var seen = Set<ObjectIdentifier>(), plain: [(key: String, gradient: Tensor)] = []
    var experts: [String: [Int: [String: Tensor]]] = [:]
    for parameter in model.parameters() where seen.insert(ObjectIdentifier(parameter.tensor)).inserted {
      let gradient = model.stored(try #require(parameter.tensor.grad, "\(parameter.key)"), as: parameter.key)
      let parts = parameter.key.components(separatedBy: ".experts.")
      guard parts.count == 2 else {
        plain.append((parameter.key, gradient.contiguous()))
        continue
      }
      let rest = parts[1].split(separator: ".")
      experts[parts[0], default: [:]][Int(rest[0])!, default: [:]][String(rest[1])] = gradient
    }
    // transformers has those of all experts in one, gate above up.
    for (layer, all) in experts {
      let each = all.sorted { $0.key < $1.key }.map(\.value)
      plain.append(
        (layer + ".experts.gate_up_proj", .stack(each.map { .cat([$0["gate_proj"]!, $0["up_proj"]!]) })))
      plain.append((layer + ".experts.down_proj", .stack(each.map { $0["down_proj"]! })))
    }
    return plain
  }
}

/// Σ gᵢ cos(k (i + 1)) for k = 1, 2, 3, and √Σ gᵢ²: `[4]`.
func gradientSummary(_ gradient: Tensor) -> Tensor {
  let g = gradient.to(.float64).flatten(), place = Tensor.arange(1, Double(g.count + 1), dtype: .float64)
  let products = [1.0, 2, 3].map { (g * (place * $0).cos()).sum() }
  return Tensor.stack(products + [g.norm()]).to(.float32)
}
