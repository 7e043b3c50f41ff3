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

/// Weights in shares (ZeRO 3): the same steps as with all of them in each process, which are threads here.
@Suite(.serialized, .enabled(if: allowsRanksAsThreads, "scripts/test.sh runs these in a process of their own"))
struct LayerShardingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var fixture = "gqa-llama3"
    var microBatch: MicroBatch = .wholeStep
    var batch = 4
    var training: DType?
    var stateBits = AdamW.StateBits.thirtyTwo
    var hasAdapters = false
    var isQuantized = false
    var frozen: [String] = []
    var bucketBytes = 20_000
    var testDescription: String { name }
  }

  struct Outcome: Sendable {
    var losses: [Double] = [], norms: [Double] = [], validations: [Double] = []
    /// Ids that the first process drew between two steps.
    var answers: [[Int]] = []
    /// Bytes of the weights file of the last checkpoint.
    var weights = Data()
  }

  /// Three steps, validations in between, and a checkpoint; `steps` ends it earlier.
  static func train(
    _ variant: Case, _ group: ProcessGroup, _ sharding: Sharding, _ folder: String, steps: Int = 3,
    failing: Bool = false
  ) throws -> Outcome {
    Torch.threads = 1
    var options = LoadOptions(dtype: .float32, copying: true)
    if variant.isQuantized { options.quantization = QuantizationSettings(format: .nf4) }
    let model = try loadModel(folder: Self.fixtures + variant.fixture, options: options)
    if variant.hasAdapters {
      try model.addLoRA(LoRASettings(rank: 4, alpha: 8, targets: ["q_proj", "down_proj"]), seed: 5)
    } else if !variant.frozen.isEmpty {
      model.unfreeze()
      try model.freeze(matching: variant.frozen)
    }
    model.checkpointsActivations = true
    let trainer = Trainer(
      model, try toyObjective(), AdamW(learningRate: 5e-3, stateBits: variant.stateBits),
      options: TrainingOptions(
        length: .steps(3), schedule: .constant, gradientNormLimit: nil, dtype: variant.training),
      reducer: DistributedReducer(group, sharding: sharding, bucketBytes: variant.bucketBytes))
    trainer.shouldStop = { [unowned trainer] in trainer.progress.step >= steps }
    let examples = try Fixture.toyRun().examples, share = StepShare(rank: group.rank, of: group.size)
    func source(_ batch: Int) -> ExampleBatches {
      ExampleBatches(
        examples, plan: BatchPlan(count: examples.count, batch: batch, seed: 1), share: share,
        microBatch: variant.microBatch)
    }
    let checkpoints = try group.rank == 0 ? Checkpoints(folder) : nil
    var outcome = Outcome()
    let finish = try trainer.fit(
      source(variant.batch), validation: Validation(source(3), stepsBetween: 2), checkpoints: checkpoints
    ) { event in
      switch event {
      case .step(let step):
        outcome.norms.append(step.gradientNorm)
        if failing { throw NoMore() }
        // The others do not know of it.
        if group.rank == 0 { outcome.answers.append(try answer(model)) }
      case .validation(let validation): outcome.validations.append(validation.loss)
      default: break
      }
    }
    outcome.losses = finish.losses
    if group.rank == 0 {
      let path = checkpoints!.path(ofStep: finish.step)
      let name = variant.hasAdapters ? "adapter_model" : variant.frozen.isEmpty ? "model" : "trained"
      outcome.weights = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name).safetensors"))
    }
    return outcome
  }

  private static func answer(_ model: any PretrainedModel) throws -> [Int] {
    let wasTraining = model.isTraining
    model.setTraining(false)
    defer { model.setTraining(wasTraining) }
    return try inferenceMode {
      let cache = model.makeCache(batch: 1, capacity: 8)
      var ids = [1, 5, 2]
      for step in 0..<3 {
        let new = Tensor((step == 0 ? ids : [ids.last!]).map(Int64.init)).unsqueeze(0)
        let hidden = model.hidden(ModelInput(ids: new), cache: cache, rows: Tensor([Int64(new.count - 1)]))
        ids.append(Int(try model.head(hidden).argmax(-1).values(of: Int64.self)[0]))
      }
      return ids
    }
  }

  private static let fixtures =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama/").path + "/"

  private static func run(_ variant: Case, _ count: Int, _ sharding: Sharding) throws -> [Outcome] {
    let folder = try TemporaryFolder(), path = folder.path + "/run"
    return try inProcesses(count) { try train(variant, $0, sharding, path) }.map { try $0.get() }
  }

  static let cases = [
    Case(name: "whole steps"), Case(name: "large buckets", bucketBytes: 25 << 20),
    Case(name: "passes of one example", microBatch: .examples(1)),
    Case(name: "fewer examples than processes", batch: 2),
    Case(name: "frozen parts", frozen: ["*.layers.0", "*norm*"]),
    Case(name: "tied tables", fixture: "headdim-tied"), Case(name: "adapters", hasAdapters: true),
    Case(name: "adapters of a quantised model", fixture: "mha-biases", hasAdapters: true, isQuantized: true),
    Case(name: "bfloat16", training: .bfloat16), Case(name: "8-bit moments", stateBits: .eight),
    Case(name: "biases", fixture: "mha-biases"),
  ]

  /// Sums have the same terms in the same order as those of split gradients: the same bits. Norms are made of other parts.
  @Test(arguments: cases) func splitEqualsWhole(_ variant: Case) throws {
    for count in [1, 2, 3] {
      let whole = try Self.run(variant, count, .gradients), split = try Self.run(variant, count, .parameters)
      for rank in 0..<count {
        #expect(split[rank].losses == whole[0].losses && split[rank].losses.count == 3, "process \(rank) of \(count)")
        #expect(split[rank].validations == whole[0].validations && !whole[0].validations.isEmpty, "\(rank) of \(count)")
        for (own, other) in zip(split[rank].norms, whole[0].norms) {
          #expect(abs(own - other) <= 1e-6 * other, "process \(rank) of \(count)")
        }
      }
      #expect(split[0].answers == whole[0].answers && split[0].answers.count == 3, "\(count) processes")
      #expect((split[0].weights == whole[0].weights) as Bool, "\(count) processes")
    }
  }

  /// A checkpoint is gone on from by other numbers of processes and stages, to the same end.
  @Test(arguments: [
    Case(name: "all"), Case(name: "frozen parts", frozen: ["*.layers.1"]), Case(name: "adapters", hasAdapters: true),
  ])
  func checkpoints(_ variant: Case) throws {
    let whole = try Self.run(variant, 2, .gradients)[0]
    for (first, second) in [
      (Sharding.parameters, Sharding.parameters), (.parameters, .none), (.optimizer, .parameters),
    ] {
      for (before, after) in [(2, 2), (3, 2)] {
        let folder = try TemporaryFolder(), path = folder.path + "/run"
        _ = try inProcesses(before) { try Self.train(variant, $0, first, path, steps: 2) }.map { try $0.get() }
        let ends = try inProcesses(after) { try Self.train(variant, $0, second, path) }.map { try $0.get() }
        let what: Comment = "\(before) processes with \(first), then \(after) with \(second)"
        for (own, other) in zip(ends[0].losses, whole.losses) { #expect(abs(own - other) < 1e-6 * other, what) }
        #expect(ends[0].losses.count == 3 && ends[1].losses == ends[0].losses, what)
        if before == 2 { #expect((ends[0].weights == whole.weights) as Bool, what) }
      }
    }
  }

  /// What one process has in memory of a layer is its share: the rest is not a number until it computes.
  @Test func weightsAreAway() throws {
    let numbers = try inProcesses(2) { group in
      Torch.threads = 1
      let model = try loadModel(
        folder: Self.fixtures + "gqa-llama3", options: LoadOptions(dtype: .float32, copying: true))
      let trainer = Trainer(
        model, try toyObjective(), AdamW(learningRate: 5e-3), options: TrainingOptions(length: .steps(1)),
        reducer: DistributedReducer(group, sharding: .parameters))
      let away = model.parameters().filter { $0.tensor.max().item().isNaN }.map(\.key)
      #expect(away.allSatisfy { $0.contains(".layers.") } && away.count == 2 * 9, "\(away)")
      return trainer.optimizer.state.filter { $0.name.hasPrefix("first.") }.reduce(0) { $0 + $1.tensor.count }
    }.map { try $0.get() }
    let model = try loadModel(folder: Self.fixtures + "gqa-llama3", options: LoadOptions(dtype: .float32))
    #expect(numbers.reduce(0, +) == model.parameters().reduce(0) { $0 + $1.tensor.count })
  }

  /// A process that fails while another runs through the layers ends that one, which says whose error it was.
  @Test func aFailureWhileLayersRun() throws {
    let words = try inProcesses(2) { group -> String in
      let folder = try TemporaryFolder()
      do {
        _ = try Self.train(Case(name: ""), group, .parameters, folder.path, failing: group.rank == 1)
        return "no error"
      } catch let error as ProcessFailure { return error.description }
    }
    #expect(throws: NoMore.self) { try words[1].get() }
    #expect(try words[0].get().contains("process 1"), "\(words[0])")
  }

  private struct NoMore: Error {}
}
