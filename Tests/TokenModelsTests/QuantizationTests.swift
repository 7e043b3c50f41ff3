// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Models whose linear layers are stored in 4 bits.
@Suite struct QuantizationTests {
  private static let decoders = Fixture.folder + "/../decoders"

  private func model(_ path: String, _ settings: QuantizationSettings?, dtype: DType? = .float32) throws -> CausalLM {
    try CausalLM(folder: path, options: LoadOptions(dtype: dtype, checkingValues: true, quantization: settings))
  }

  /// The same model with the numbers that its codes stand for.
  private func twin(of quantized: CausalLM, _ path: String) throws -> CausalLM {
    let twin = try model(path, nil)
    let codes = Dictionary(
      uniqueKeysWithValues: quantized.descendants().compactMap { key, module in
        (module as? QuantizedWeight).map { (key, $0.codes.decode()) }
      })
    #expect(!codes.isEmpty)
    for parameter in twin.parameters() { if let weight = codes[parameter.key] { parameter.box.tensor = weight } }
    return twin
  }

  /// Outputs, and gradients of adapters, of the input of every layer, and of what is trained whole.
  @Test(arguments: Fixture.all, [false, true])
  func adaptersLearnAsOnTheNumbersThatCodesStandFor(fixture: Fixture, dora: Bool) throws {
    let settings = QuantizationSettings(nestsScales: dora)
    let ours = try model(fixture.path, settings), plain = try twin(of: ours, fixture.path)
    let ids = try fixture.expected("ids")
    func gradients(_ model: CausalLM, recomputing: Bool = false) throws -> (Tensor, [String: Tensor]) {
      if model.adapters.isEmpty {
        try model.addLoRA(
          LoRASettings(
            rank: 3, targets: [LoRASettings.allLinear], exclude: ["k_proj"], decomposesWeights: dora,
            modulesToSave: ["norm", "embeddings"]), seed: 1)
        noGrad { for (_, layer) in model.adapters { layer.up.normal_(std: 0.1, generator: Generator(seed: 2)) } }
      }
      for parameter in model.trainableParameters() { parameter.tensor.grad = nil }
      model.checkpointsActivations = recomputing
      let logits = model.logits(ids)
      (logits.logSumExp(-1) * 0.1).sum().backward()
      return (
        logits.detach(),
        Dictionary(uniqueKeysWithValues: model.trainableParameters().map { ($0.key, $0.tensor.grad!) })
      )
    }
    let (a, b) = (try gradients(ours), try gradients(plain))
    #expect(difference(a.0, b.0) < 1e-5)
    #expect(a.1.keys == b.1.keys)
    for (key, gradient) in a.1 { #expect(difference(gradient, b.1[key]!) < 1e-5, "\(key)") }
    let again = try gradients(ours, recomputing: true)
    #expect(again.0.isEqual(to: a.0))
    for (key, gradient) in again.1 { #expect(gradient.isEqual(to: a.1[key]!), "\(key)") }
    #expect(difference(noGrad { ours.logits(ids) }, a.0) < 1e-5)
    // Merged, both are the same plain model.
    ours.mergeLoRA()
    plain.mergeLoRA()
    #expect(!ours.isQuantized)
    #expect(ours.parameters().map(\.key) == plain.parameters().map(\.key))
    for (x, y) in zip(ours.parameters(), plain.parameters()) {
      #expect(difference(x.tensor, y.tensor) < 1e-6, "\(x.key)")
    }
  }

  @Test func headsTablesAndNormsStayNumbers() throws {
    let fixture = Fixture.all[0], ours = try model(fixture.path, QuantizationSettings())
    let whole = try model(fixture.path, nil)
    let names = Set(ours.parameters().map(\.key))
    for parameter in whole.parameters() {
      let isLayer = parameter.key.contains("_proj.weight")
      #expect(names.contains(parameter.key) == !isLayer, "\(parameter.key)")
      #expect(names.contains(parameter.key + ".codes") == isLayer, "\(parameter.key)")
      #expect(names.contains(parameter.key + ".scales") == isLayer, "\(parameter.key)")
    }
    #expect(!names.contains { $0.hasSuffix(".nested") })
    for parameter in ours.parameters() where !parameter.key.contains("_proj.weight") {
      #expect(parameter.tensor.isEqual(to: whole.parameters().first { $0.key == parameter.key }!.tensor))
    }
    // Codes are never trained.
    ours.unfreeze()
    #expect(!ours.trainableParameters().contains { $0.key.contains("_proj.weight") })
    let excluding = try model(fixture.path, QuantizationSettings(exclude: ["k_proj", "layers.1.mlp.down_proj"]))
    let quantized = excluding.descendants().filter { $0.module is QuantizedWeight }.map(\.key)
    #expect(quantized.count == 14 - 3)
    #expect(!quantized.contains { $0.contains("k_proj") || $0.contains("layers.1.mlp.down_proj") })
  }

  /// What chooses experts stays as it is.
  @Test func routersStayNumbers() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.decoders).filter { $0.contains("moe") }
    let folder = try #require(folders.sorted().first { fileExists(Self.decoders + "/\($0)/config.json") })
    let ours = try model(Self.decoders + "/" + folder, QuantizationSettings())
    let routers = ours.parameters().filter { $0.key.hasSuffix("mlp.gate.weight") }
    #expect(!routers.isEmpty)
    #expect(ours.descendants().contains { $0.key.contains("experts.0.up_proj") && $0.module is QuantizedWeight })
    let logits = noGrad { ours.logits(Tensor([1, 2, 3, 4] as [Int64]).unsqueeze(0)) }
    #expect(logits.isFinite().all().intItem() == 1)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let fixture = Fixture.all[0]
    let error = try #require(
      #expect(throws: InputError.self) { try model(fixture.path, QuantizationSettings(exclude: ["query"])) })
    #expect(error.description.contains("exclude: expected names of linear layers: down_proj, gate_proj"))
    #expect(error.found == "query")
    let ours = try model(fixture.path, QuantizationSettings())
    let saved = try #require(
      #expect(throws: InputError.self) {
        try ours.addLoRA(LoRASettings(targets: ["q_proj"], modulesToSave: ["0.mlp.up_proj"]), seed: 1)
      })
    #expect(saved.description.contains("modulesToSave: expected modules whose weights are not quantised"))
    #expect(saved.found == "model.layers.0.mlp.up_proj")
    #expect(ours.adapters.isEmpty)
  }

  /// In the type of the file where none is named.
  @Test func typesAreThoseAskedFor() throws {
    let path = Fixture.folder + "/bf16-tied"
    let half = try model(path, QuantizationSettings(), dtype: nil)
    try half.addLoRA(LoRASettings(rank: 2), seed: 1)
    #expect(half.adapters.allSatisfy { $0.layer.down.dtype == .bfloat16 })
    #expect(half.head.weight.dtype == .bfloat16)
    half.mergeLoRA()
    #expect(half.parameters().allSatisfy { $0.tensor.dtype == .bfloat16 })
    // Rounded from the numbers of the file, not from float32 ones.
    let full = try model(path, QuantizationSettings())
    let codes = full.descendants().compactMap { $0.module as? QuantizedWeight }.map(\.codes.bytes)
    let fromHalf = try model(path, QuantizationSettings(), dtype: nil).descendants()
      .compactMap { $0.module as? QuantizedWeight }.map(\.codes.bytes)
    #expect(zip(codes, fromHalf).allSatisfy { $0.isEqual(to: $1) })
  }
}
