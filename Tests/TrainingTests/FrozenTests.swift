// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Runs of which a part is trained: adapters, or some parameters.
@Suite struct FrozenTests {
  private static let base = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama/gqa-llama3").path
  let folder: TemporaryFolder
  var run: String { folder.path + "/checkpoints" }
  init() throws { folder = try TemporaryFolder() }

  enum Kind: Sendable, CaseIterable { case adapters, some }

  private func model(_ kind: Kind) throws -> Llama {
    Torch.threads = 1
    let model = try Llama(folder: Self.base, options: LoadOptions(dtype: .float32))
    switch kind {
    case .adapters:
      try model.addLoRA(LoRASettings(rank: 4, alpha: 8, dropout: 0.2, targets: ["q_proj", "down_proj"]), seed: 5)
    case .some: try model.freeze(matching: ["model.embed_tokens", "model.layers.0-0.*", "*norm.weight"])
    }
    return model
  }

  @discardableResult
  private func train(
    _ model: Llama, _ checkpoints: Checkpoints? = nil, dtype: DType? = nil, stopAfter: Int = .max
  ) throws -> FinishMetrics {
    let options = TrainingOptions(length: .steps(20), schedule: .constant, dtype: dtype, seed: 11)
    let trainer = Trainer(model, try toyObjective(), AdamW(learningRate: 5e-3), options: options)
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    return try trainer.fit(
      toyBatches(microBatch: 2, seed: 7), validation: Validation(toyBatches(), stepsBetween: 5),
      checkpoints: checkpoints)
  }

  @Test(arguments: Kind.allCases, [nil, DType.bfloat16])
  func resumedEqualsUninterruptedBitForBit(kind: Kind, dtype: DType?) async throws {
    // The default generators, which dropout draws from, are the process's.
    await #expect(processExitsWith: .success) { [kind = "\(kind)" as String, isHalf = (dtype != nil) as Bool] in
      let tests = try FrozenTests(), kind = Kind.allCases.first { "\($0)" == kind }!
      let dtype: DType? = isHalf ? .bfloat16 : nil
      let whole = try tests.model(kind), first = try tests.model(kind), second = try tests.model(kind)
      let initial = weights(of: first)
      let expected = try tests.train(whole, dtype: dtype)
      #expect(mean(expected.losses.suffix(4)) < 0.95 * mean(expected.losses.prefix(4)))
      try tests.train(first, Checkpoints(tests.run), dtype: dtype, stopAfter: 9)
      let resumed = try tests.train(second, Checkpoints(tests.run), dtype: dtype)
      #expect(resumed.losses == expected.losses)
      #expect(weights(of: second) == weights(of: whole))
      let trained = Set(second.trainableParameters().map(\.key))
      #expect(trained.count == (kind == .adapters ? 8 : 8))
      if !isHalf {
        for (key, values) in weights(of: second) {
          #expect((values == initial[key]) == !trained.contains(key), "\(key)")
        }
      }
    }
  }

  @Test(arguments: Kind.allCases) func checkpointsHoldWhatIsTrained(kind: Kind) throws {
    let model = try model(kind), checkpoints = try Checkpoints(run)
    try train(model, checkpoints)
    let path = checkpoints.path(ofStep: 20), names = try FileManager.default.contentsOfDirectory(atPath: path)
    let file = kind == .adapters ? "adapter_model.safetensors" : "trained.safetensors"
    #expect(
      names.sorted()
        == ([file, "state.json", "training.safetensors"] + (kind == .adapters ? ["adapter_config.json"] : [])).sorted())
    let keys = try SafetensorsFile(path + "/" + file).tensors.map(\.name)
    let prefix = kind == .adapters ? "base_model.model." : ""
    #expect(Set(keys) == Set(model.trainableParameters().map { prefix + $0.key }))

    // Into the plain base model, and into one that trains the same.
    for other in [try Llama(folder: Self.base, options: LoadOptions(dtype: .float32)), try self.model(kind)] {
      try checkpoints.restore(other, fromStep: 20)
      #expect(weights(of: other) == weights(of: model))
    }
  }

  @Test func aCheckpointOfAllIsRestoredToo() throws {
    let model = try Llama(folder: Self.base, options: LoadOptions(dtype: .float32))
    let checkpoints = try Checkpoints(run)
    try train(model, checkpoints, dtype: .bfloat16)
    let other = try Llama(folder: Self.base, options: LoadOptions(dtype: .float32))
    try checkpoints.restore(other, fromStep: 20)
    #expect(weights(of: other) == weights(of: model))
    #expect(other.head.weight.dtype == .float32)
    #expect(throws: InputError.self) { try checkpoints.restore(other, fromStep: 19) }
    #expect(throws: InputError.self) { try checkpoints.restore(Toy(), fromStep: 20) }
  }

  @Test func anotherBaseOrAnotherPartIsRefused() throws {
    try train(model(.adapters), Checkpoints(run), stopAfter: 2)
    let other = try model(.adapters)
    noGrad { other.head.weight.narrow(0, 0, 1).fill_(0.5) }
    let error = try #require(#expect(throws: InputError.self) { try train(other, Checkpoints(run)) })
    #expect(error.found == "one with other frozen weights")
    let part = try #require(#expect(throws: InputError.self) { try train(model(.some), Checkpoints(run)) })
    #expect(part.found == "one with weights in adapter_model.safetensors, now in trained.safetensors")
  }
}

@Suite struct EarlyStopTests {
  @Test(
    arguments: [
      ([3, 2, 1], false), ([1, 2, 3], true), ([1, 2], false), ([3, 2, 2, 1.9, 2], false), ([3, 1, 2, 1], true),
      ([.infinity, .infinity], true), ([.nan, 1, 2, 0.5], false), ([], false),
    ] as [([Double], Bool)])
  func endsAfterTwoWithoutABetterLoss(losses: [Double], ends: Bool) {
    #expect(EarlyStop(patience: 2).ends(after: losses) == ends)
  }

  @Test func smallGainsDoNotCount() {
    #expect(EarlyStop(patience: 2, minDelta: 0.1).ends(after: [1, 0.95, 0.91]))
    #expect(!EarlyStop(patience: 2, minDelta: 0.1).ends(after: [1, 0.95, 0.89]))
  }

  /// The run ends early, and does so at the same step, and once for all, if it is interrupted between.
  @Test func aRunEndsEarlyAndStaysEnded() throws {
    let folder = try TemporaryFolder()
    func train(_ checkpoints: Checkpoints?, stopAfter: Int = .max) throws -> FinishMetrics {
      let options = TrainingOptions(length: .steps(60), schedule: .constant)
      let trainer = Trainer(try Toy(), try toyObjective(), AdamW(learningRate: 0.2), options: options)
      trainer.shouldStop = { trainer.progress.step >= stopAfter }
      return try trainer.fit(
        toyBatches(), validation: Validation(toyBatches(), stepsBetween: 2, earlyStop: EarlyStop(patience: 3)),
        checkpoints: checkpoints)
    }
    let whole = try train(nil)
    #expect(whole.reason == .stoppedEarly)
    #expect(whole.step < 60)
    #expect(whole.step == (try #require(whole.best)).step + 6)
    #expect(try train(Checkpoints(folder.path), stopAfter: whole.step - 3).reason == .stopped)
    for _ in 0..<2 {
      let resumed = try train(Checkpoints(folder.path))
      #expect(resumed.reason == .stoppedEarly)
      #expect(resumed.step == whole.step)
      #expect(resumed.losses == whole.losses)
    }
  }
}
