// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// State in shares (ZeRO 1 and 2): the same steps as with all of it in each process, which are threads here.
@Suite(.serialized, .enabled(if: allowsRanksAsThreads, "scripts/test.sh runs these in a process of their own"))
struct ShardingTests {
  struct Outcome: Sendable {
    var losses: [Double], norms: [Double], weights: [String: [Double]]
    /// Bytes of the optimizer's state in this process.
    var held: Int
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var microBatch: MicroBatch = .wholeStep
    var batch = 4
    /// All gradients of the toy fit in one bucket of 25 MB.
    var bucketBytes = 25 << 20
    var dtype = DType.float64
    /// In place of the model's own type.
    var training: DType?
    var stateBits = AdamW.StateBits.thirtyTwo
    var frozen: [String] = []
    var clip: Double? = 0.9
    var isTied = false
    /// In place of the toy's own: with 96 its matrices have moments in 8 bits.
    var width: Int?
    var testDescription: String { name }
  }

  private static func train(_ variant: Case, _ group: ProcessGroup?, _ sharding: Sharding) throws -> Outcome {
    let model = try variant.width.map { try Toy(width: $0, dtype: variant.dtype) } ?? Toy(dtype: variant.dtype)
    if variant.isTied { model.$projection.tensor = model.embedding }
    model.unfreeze()
    for parameter in model.parameters() where variant.frozen.contains(parameter.key) {
      parameter.box.isTrainable = false
    }
    var options = toyOptions, rule = toyRule
    (options.dtype, options.gradientNormLimit) = (variant.training, variant.clip)
    rule.stateBits = variant.stateBits
    let reducer: any Reducer =
      group.map { DistributedReducer($0, sharding: sharding, bucketBytes: variant.bucketBytes) } ?? SingleProcess()
    let examples = try Fixture.toyRun().examples
    let source = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: variant.batch, seed: 1),
      share: group.map { StepShare(rank: $0.rank, of: $0.size) } ?? .whole, microBatch: variant.microBatch)
    var norms = [Double]()
    let trainer = Trainer(model, try toyObjective(), rule, options: options, reducer: reducer)
    let finish = try trainer.fit(source) { if case .step(let step) = $0 { norms.append(step.gradientNorm) } }
    return Outcome(
      losses: finish.losses, norms: norms, weights: weights(of: model),
      held: trainer.optimizer.state.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size })
  }

  private static func run(_ variant: Case, _ count: Int, _ sharding: Sharding) throws -> [Outcome] {
    try inProcesses(count) { try train(variant, $0, sharding) }.map { try $0.get() }
  }

  private func expectSameBits(_ a: Outcome, _ b: Outcome, _ what: Comment) {
    #expect(a.losses == b.losses, what)
    #expect(a.norms == b.norms, what)
    #expect(a.weights == b.weights, what)
  }

  private func worst(_ a: Outcome, _ b: Outcome) -> Double {
    let weights = a.weights.flatMap { key, values in zip(values, b.weights[key] ?? []).map { abs($0 - $1) } }
    let rest = zip(a.losses + a.norms, b.losses + b.norms).map { abs($0 - $1) }
    return (weights + rest).max() ?? .infinity
  }

  static let cases = [
    Case(name: "whole steps"), Case(name: "a bucket for each gradient", bucketBytes: 1),
    Case(name: "fewer examples than processes", batch: 3), Case(name: "without clipping", clip: nil),
    Case(name: "frozen parts", frozen: ["embedding", "norm"]), Case(name: "a tied head", isTied: true),
    Case(name: "parameters in parts", width: 96),
  ]

  /// Two numbers have one sum, whoever adds them: two processes come to the same bits in every way to share. Of more, Gloo
  /// adds in an order of its own where all get all sums; shares are added by rank.
  @Test(arguments: cases) func sharedEqualsUnshared(_ variant: Case) throws {
    let whole = try Self.train(variant, nil, .none)
    for count in 1...4 {
      let (none, optimizer, gradients) = (
        try Self.run(variant, count, .none), try Self.run(variant, count, .optimizer),
        try Self.run(variant, count, .gradients)
      )
      for rank in 0..<count {
        expectSameBits(optimizer[rank], optimizer[0], "ZeRO 1, process \(rank) of \(count)")
        expectSameBits(gradients[rank], optimizer[0], "ZeRO 2, process \(rank) of \(count)")
        if count <= 2 { expectSameBits(none[rank], optimizer[0], "ZeRO 0, process \(rank) of \(count)") }
      }
      #expect(worst(optimizer[0], none[0]) < 1e-12, "\(count) processes")
      #expect(worst(optimizer[0], whole) < 1e-12, "\(count) processes")
    }
  }

  /// With several passes in a step ZeRO 2 adds over processes first, then over passes: in another order.
  @Test(arguments: [
    Case(name: "passes of one example", microBatch: .examples(1)),
    Case(name: "passes of a few tokens", microBatch: .tokens(24), batch: 5, bucketBytes: 1),
    Case(name: "passes of one example, a tied head", microBatch: .examples(1), isTied: true),
  ])
  func severalPasses(_ variant: Case) throws {
    for count in 2...4 {
      let (none, optimizer, gradients) = (
        try Self.run(variant, count, .none), try Self.run(variant, count, .optimizer),
        try Self.run(variant, count, .gradients)
      )
      for rank in 1..<count { expectSameBits(gradients[rank], gradients[0], "process \(rank) of \(count)") }
      if count == 2 { expectSameBits(optimizer[0], none[0], "two processes") }
      #expect(worst(optimizer[0], none[0]) < 1e-12, "\(count) processes")
      #expect(worst(gradients[0], none[0]) < 1e-12, "\(count) processes")
    }
  }

  /// Float32 and fewer bits: moments in 8 bits have blocks that begin where they do in one process, masters are of each
  /// process's share.
  @Test(arguments: [
    Case(name: "float32", dtype: .float32), Case(name: "8-bit moments", dtype: .float32, stateBits: .eight, width: 96),
    Case(name: "bfloat16", dtype: .float32, training: .bfloat16),
    Case(name: "bfloat16, 8-bit moments", dtype: .float32, training: .bfloat16, stateBits: .eight, width: 96),
    Case(name: "bfloat16 from the beginning", dtype: .bfloat16),
  ])
  func typesAndStates(_ variant: Case) throws {
    let none = try Self.run(variant, 2, .none)
    for sharding in [Sharding.optimizer, .gradients] {
      let shared = try Self.run(variant, 2, sharding)
      for rank in 0..<2 { expectSameBits(shared[rank], none[0], "\(sharding), process \(rank)") }
      // Counts of updates apart, which every process has of each parameter that it has a part of.
      #expect(shared.reduce(0) { $0 + $1.held } - none[0].held <= 8 * 4)
      #expect(shared.allSatisfy { $0.held < none[0].held })
    }
  }

  /// Where one process finds what is not finite, all say it, of whichever share.
  @Test(arguments: [Sharding.optimizer, .gradients, .parameters]) func aGradientThatIsNotFiniteIsNamedByAll(
    _ sharding: Sharding
  )
    throws
  {
    let words = try inProcesses(2) { group -> String in
      let model = try Toy()
      // Finite forwards, 0 / 0 backwards.
      model.poison = { group.rank == 1 ? ($0 * 0).sqrt() * 0 + $0 : $0 }
      let trainer = Trainer(
        model, try toyObjective(), toyRule, options: toyOptions, reducer: DistributedReducer(group, sharding: sharding))
      let before = weights(of: model)
      do {
        let examples = try Fixture.toyRun().examples
        try trainer.fit(
          ExampleBatches(
            examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 1),
            share: StepShare(rank: group.rank, of: 2)))
      } catch let error as TrainingError {
        return weights(of: model) == before ? error.description : "the model was changed"
      }
      return "no error"
    }.map { try $0.get() }
    #expect(words[0] == words[1])
    #expect(words[0].contains("the gradient is not finite, of ") && words[0].contains("embedding"), "\(words[0])")
  }

  /// Adapters, and all of a model whose layers are computed again in the backward pass; checkpoints of both, and what
  /// another stage makes of them.
  @Test(arguments: [true, false]) func decoders(hasAdapters: Bool) throws {
    @Sendable func train(_ group: ProcessGroup, _ sharding: Sharding, _ folder: String?, steps: Int) throws -> Outcome {
      Torch.threads = 1
      let model = try Llama(folder: Self.base, options: LoadOptions(dtype: .float32, copying: true))
      if hasAdapters {
        try model.addLoRA(LoRASettings(rank: 4, alpha: 8, targets: ["q_proj", "down_proj"]), seed: 5)
      }
      model.checkpointsActivations = !hasAdapters
      var norms = [Double]()
      let trainer = Trainer(
        model, try toyObjective(), AdamW(learningRate: 5e-3),
        options: TrainingOptions(length: .steps(4), schedule: .constant, gradientNormLimit: 0.5),
        reducer: DistributedReducer(group, sharding: sharding, bucketBytes: 20_000))
      trainer.shouldStop = { [unowned trainer] in trainer.progress.step >= steps }
      let examples = try Fixture.toyRun().examples
      let source = ExampleBatches(
        examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 1), share: StepShare(rank: group.rank, of: 2))
      let checkpoints = try group.rank == 0 ? folder.map { try Checkpoints($0) } : nil
      let finish = try trainer.fit(source, checkpoints: checkpoints) {
        if case .step(let step) = $0 { norms.append(step.gradientNorm) }
      }
      return Outcome(losses: finish.losses, norms: norms, weights: weights(of: model), held: 0)
    }
    let whole = try inProcesses(2) { try train($0, .none, nil, steps: 4) }.map { try $0.get() }
    for (first, second) in [(Sharding.optimizer, Sharding.gradients), (.gradients, .none)] {
      let folder = try TemporaryFolder(), path = folder.path + "/checkpoints"
      _ = try inProcesses(2) { try train($0, first, path, steps: 2) }.map { try $0.get() }
      let names = try FileManager.default.contentsOfDirectory(atPath: path + "/step-2")
      #expect(names.contains(hasAdapters ? "adapter_model.safetensors" : "model.safetensors"))
      #expect(names.contains("optimizer-00002-of-00002.safetensors"))
      for outcome in try inProcesses(2, { try train($0, second, path, steps: 4) }).map({ try $0.get() }) {
        #expect(outcome.losses == whole[0].losses && outcome.norms == whole[0].norms.suffix(2), "\(first), \(second)")
        #expect(outcome.weights == whole[0].weights, "\(first), \(second)")
      }
    }
  }

  private static let base = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama/gqa-llama3").path

  /// Shares are equal, begin at blocks, and hold every element once.
  @Test func partsCoverEachParameterOnce() throws {
    let parts = try inProcesses(3) { group in
      let parameters = [[700], [3, 5], [40, 70], [1]].map { Tensor.zeros($0).requiresGrad(true) }
      return DistributedReducer(group, sharding: .optimizer, bucketBytes: 8_000).gradients(of: parameters, in: Module())
        .parts
    }.map { try $0.get() }
    for (parameter, count) in [700, 15, 2_800, 1].enumerated() {
      let ranges = parts.flatMap { $0 }.filter { $0.parameter == parameter }.map(\.range)
      #expect(ranges.flatMap(Array.init).sorted() == Array(0..<count))
      #expect(ranges.allSatisfy { $0.lowerBound.isMultiple(of: 256) })
    }
  }
}
