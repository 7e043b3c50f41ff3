// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Activation checkpointing: the same losses and gradients, less memory.
@Suite struct RecomputationTests {
  private static let base = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama/gqa-llama3").path

  enum Kind: String, Sendable, CaseIterable { case all, frozen, adapters }

  private static func model(_ kind: Kind) throws -> Llama {
    Torch.threads = 1
    let model = try Llama(folder: base, options: LoadOptions(dtype: .float32))
    switch kind {
    case .all: model.unfreeze()
    case .frozen: try model.freeze(matching: ["model.embed_tokens", "model.layers.0-0", "*.q_proj"])
    case .adapters:
      try model.addLoRA(LoRASettings(rank: 4, dropout: 0.3, targets: [LoRASettings.allLinear]), seed: 2)
      noGrad { for (_, layer) in model.adapters { layer.up.normal_(std: 0.2, generator: Generator(seed: 3)) } }
    }
    model.setTraining(true)
    return model
  }

  /// Two micro-batches, the second adding to the first; on the way random numbers are drawn for dropout. An exit test,
  /// since the generator they come from is the process's.
  @Test(arguments: Kind.allCases, [true, false])
  func gradientsAreTheSameBitForBit(kind: Kind, inPlace: Bool) async {
    await #expect(processExitsWith: .success) { [kind = kind.rawValue as String, inPlace = inPlace as Bool] in
      let ids = Tensor.randint(0, 48, [2, 24], generator: Generator(seed: 8)), rows = Tensor([3, 40, 17] as [Int64])
      func gradients(recomputing: Bool) throws -> (outputs: [Tensor], gradients: [String: Tensor], next: Tensor) {
        let model = try Self.model(#require(Kind(rawValue: kind)))
        model.checkpointsActivations = recomputing
        Torch.seed(5)
        var outputs: [Tensor] = []
        func run() {
          for pass in 0..<2 {
            let input = ModelInput(ids: pass == 0 ? ids : ids.flip([1]))
            let hidden = model.hidden(input, cache: nil, rows: pass == 0 ? rows : nil)
            outputs.append(hidden.detach())
            (model.head(hidden).logSumExp(-1) * 0.1).sum().backward()
          }
        }
        if inPlace { withGradientsInPlace(GradientBuffers(), run) } else { run() }
        let all = model.parameters().compactMap { parameter in parameter.tensor.grad.map { (parameter.key, $0) } }
        #expect(all.count == model.trainableParameters().count)
        return (outputs, Dictionary(uniqueKeysWithValues: all), Tensor.rand([8]))
      }
      let plain = try gradients(recomputing: false), again = try gradients(recomputing: true)
      for (a, b) in zip(plain.outputs, again.outputs) { #expect(a.isEqual(to: b)) }
      #expect(plain.gradients.keys == again.gradients.keys)
      #expect(plain.gradients.count >= 10)
      for (key, gradient) in plain.gradients { #expect(gradient.isEqual(to: again.gradients[key]!), "\(key)") }
      #expect(plain.next.isEqual(to: again.next))
    }
  }

  @Test func aRunIsTheSame() throws {
    func train(recomputing: Bool, dtype: DType?) throws -> (losses: [Double], weights: [String: [Double]]) {
      let model = try Self.model(.all)
      model.checkpointsActivations = recomputing
      let options = TrainingOptions(length: .steps(10), dtype: dtype)
      let trainer = Trainer(model, try toyObjective(), AdamW(learningRate: 1e-3), options: options)
      let losses = try trainer.fit(
        toyBatches(microBatch: 2, seed: 7), validation: Validation(toyBatches(), stepsBetween: 5)
      ).losses
      return (losses, weights(of: model))
    }
    for dtype in [nil, DType.bfloat16] {
      let plain = try train(recomputing: false, dtype: dtype), again = try train(recomputing: true, dtype: dtype)
      #expect(plain.losses == again.losses)
      #expect(plain.weights == again.weights)
    }
  }

  @Test func gradientsOfAreRefused() throws {
    let model = try Self.model(.all)
    model.checkpointsActivations = true
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        let loss = model.logits(Tensor([1, 2, 3] as [Int64], shape: [1, 3])).sum()
        _ = gradients(of: [loss], withRespectTo: [model.parameters()[0].tensor])
      }
    }
    #expect(error?.description.contains("use backward()") == true)
  }

  /// The peak of a process that trains long sequences through many layers, above what it held before.
  @Test func memoryFalls() async throws {
    func peak(recomputing: Bool) async throws -> Double {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        [recomputing = recomputing as Bool] in
        Torch.threads = 1
        let configuration = LlamaConfiguration(
          vocabularySize: 64, hiddenSize: 128, intermediateSize: 512, layers: 24, heads: 4, tiesEmbeddings: true)
        let model = Llama(configuration, generator: Generator(seed: 2))
        model.unfreeze()
        model.checkpointsActivations = recomputing
        func step(_ length: Int) {
          let ids = Tensor.randint(0, 64, [4, length], generator: Generator(seed: 8))
          model.hidden(ModelInput(ids: ids), cache: nil, rows: Tensor([5] as [Int64])).sum().backward()
        }
        step(8)  // what is made once
        let before = try kilobytes("VmHWM")
        step(512)
        print("peak:\(try kilobytes("VmHWM") - before):")
      }
      let text = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
      return try #require(text.split(separator: "peak:").last?.split(separator: ":").first.flatMap { Double($0) })
    }
    let plain = try await peak(recomputing: false), less = try await peak(recomputing: true)
    #expect(less < 0.5 * plain, "\(less) kB of \(plain) kB")
    #expect(plain > 100_000, "\(less) kB of \(plain) kB")
  }
}

private func kilobytes(_ field: String) throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(field) })
  return try #require(Int(line.split(whereSeparator: { !$0.isNumber })[0]))
}
