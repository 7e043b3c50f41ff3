// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Synchronization
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// Checkpoints that several processes write together: gone on from by any number of them, whole whenever one dies.
@Suite(.serialized, .enabled(if: allowsRanksAsThreads, "scripts/test.sh runs these in a process of their own"))
struct ShardedCheckpointTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var dtype = DType.float64
    var training: DType?
    var stateBits = AdamW.StateBits.thirtyTwo
    var width: Int?
    var testDescription: String { name }
  }

  struct Outcome: Sendable {
    var start = 0
    var damaged: [String] = []
    var losses: [Double]
    var weights: [String: [Double]]
  }

  /// Ten steps, with a checkpoint after every other one.
  private static func train(
    _ variant: Case, _ reducer: any Reducer, processes count: Int, folder: String?, stopAfter: Int = .max,
    onStep: (Int) -> Void = { _ in }
  ) throws -> Outcome {
    let model = try variant.width.map { try Toy(width: $0, dtype: variant.dtype) } ?? Toy(dtype: variant.dtype)
    var options = toyOptions, rule = toyRule
    options.dtype = variant.training
    rule.stateBits = variant.stateBits
    let trainer = Trainer(model, try toyObjective(), rule, options: options, reducer: reducer)
    trainer.shouldStop = { [unowned trainer] in trainer.progress.step >= stopAfter }
    let examples = try Fixture.toyRun().examples
    let source = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 1),
      share: StepShare(rank: reducer.rank, of: count))
    let checkpoints = try reducer.rank == 0 ? folder.map { try Checkpoints($0, stepsBetween: 2) } : nil
    var outcome = Outcome(losses: [], weights: [:])
    outcome.losses = try trainer.fit(source, checkpoints: checkpoints) { event in
      switch event {
      case .started(let start): (outcome.start, outcome.damaged) = (start.step, start.damagedCheckpoints)
      case .step(let step): onStep(step.step)
      default: break
      }
    }.losses
    outcome.weights = weights(of: model)
    return outcome
  }

  private static func run(
    _ variant: Case, _ count: Int, _ sharding: Sharding, folder: String? = nil, stopAfter: Int = .max
  ) throws -> [Outcome] {
    try inProcesses(count) { group in
      try train(
        variant, DistributedReducer(group, sharding: sharding), processes: count, folder: folder,
        stopAfter: stopAfter)
    }.map { try $0.get() }
  }

  /// Two processes come to the same bits in every way to share, so whoever goes on from whom makes no difference.
  @Test(arguments: [
    Case(name: "float64"), Case(name: "8-bit moments", dtype: .float32, stateBits: .eight, width: 96),
    Case(name: "bfloat16, 8-bit moments", dtype: .float32, training: .bfloat16, stateBits: .eight, width: 96),
    Case(name: "bfloat16", dtype: .float32, training: .bfloat16),
  ])
  func theStageMayChange(_ variant: Case) throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints"
    let whole = try Self.run(variant, 2, .none)
    var start = 0
    for (sharding, stop) in [
      (Sharding.optimizer, 1), (.gradients, 3), (.none, 4), (.optimizer, 6), (.optimizer, 7), (.none, 8),
      (.gradients, 99),
    ] {
      let outcomes = try Self.run(variant, 2, sharding, folder: path, stopAfter: stop)
      #expect(outcomes.map(\.start) == [start, start], "\(sharding) to \(stop)")
      start = stop
      guard stop > 10 else { continue }
      for (outcome, expected) in zip(outcomes, whole) {
        #expect(outcome.losses == expected.losses)
        #expect(outcome.weights == expected.weights)
      }
    }
  }

  /// Four processes begin, one goes on, three, two.
  @Test func theNumberOfProcessesMayChange() throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints"
    let variant = Case(name: "", width: 96), whole = try Self.train(variant, SingleProcess(), processes: 1, folder: nil)
    _ = try Self.run(variant, 4, .optimizer, folder: path, stopAfter: 3)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path + "/step-3").sorted()
        == ["model.safetensors"] + (1...4).map { "optimizer-0000\($0)-of-00004.safetensors" } + [
          "state.json", "training.safetensors",
        ])
    _ = try Self.train(variant, SingleProcess(), processes: 1, folder: path, stopAfter: 5)
    _ = try Self.run(variant, 3, .gradients, folder: path, stopAfter: 7)
    for outcome in try Self.run(variant, 2, .optimizer, folder: path) {
      #expect(outcome.start == 7)
      #expect(zip(outcome.losses, whole.losses).allSatisfy { abs($0 - $1) < 1e-12 })
      for (key, values) in whole.weights {
        #expect(zip(values, outcome.weights[key] ?? []).allSatisfy { abs($0 - $1) < 1e-12 }, "\(key)")
      }
    }
  }

  /// A part that is missing or damaged is named, and the checkpoint before is gone on from.
  @Test(arguments: ["removed", "cut", "empty"]) func aPartThatIsDamagedIsNamed(how: String) throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints", variant = Case(name: "")
    _ = try Self.run(variant, 2, .optimizer, folder: path, stopAfter: 4)
    let part = path + "/step-4/optimizer-00002-of-00002.safetensors"
    switch how {
    case "removed": try FileManager.default.removeItem(atPath: part)
    case "cut": try Data(Data(contentsOf: URL(fileURLWithPath: part)).dropLast(5)).write(to: URL(fileURLWithPath: part))
    default: try Data().write(to: URL(fileURLWithPath: part))
    }
    let whole = try Self.run(variant, 2, .none)
    for count in [2, 1] {
      let copy = folder.path + "/of-\(count)"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      let outcomes = try Self.run(variant, count, count == 1 ? .none : .gradients, folder: copy)
      #expect(outcomes[0].start == 2)
      #expect(outcomes[0].damaged.count == 1)
      #expect(outcomes[0].damaged.first?.contains("step-4/optimizer-00002-of-00002.safetensors: ") == true)
      if count == 2 { #expect(outcomes.map(\.losses) == whole.map(\.losses)) }
    }
  }

  /// Parts that do not fit together are refused in words.
  @Test func partsWithAHoleAreRefused() throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints", variant = Case(name: "")
    _ = try Self.run(variant, 2, .optimizer, folder: path, stopAfter: 2)
    let part = path + "/step-2/optimizer-00002-of-00002.safetensors", file = try SafetensorsFile(part)
    let kept = file.tensors.filter { !$0.name.hasPrefix("first.bias[") }
    #expect(kept.count == file.tensors.count - 1)
    try SafetensorsWriter.write(kept.map { SafetensorsSource($0) }, to: part)
    let results = try inProcesses(2) { group in
      try Self.train(
        variant, DistributedReducer(group, sharding: .optimizer), processes: 2, folder: path)
    }
    let words = results.map { if case .failure(let error) = $0 { "\(error)" } else { "no error" } }
    #expect(
      words.allSatisfy { $0.contains("tensor first.bias: expected elements 0 to 16, found no such part") }, "\(words)")
  }

  /// A disk that is full for one process or all: the checkpoint before stays, and nothing half written.
  @Test func aFullDiskCostsNothingThatWasSaved() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder(), path = folder.path + "/checkpoints", variant = Case(name: "")
      _ = try Self.run(variant, 2, .optimizer, folder: path, stopAfter: 2)
      signal(SIGXFSZ, SIG_IGN)
      var old = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
      // Room for the weights (988 numbers) and the first process's moments (888), but not for the second's (1,088).
      var limit = rlimit(rlim_cur: 9_000, rlim_max: old.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let results = try inProcesses(2) { group in
        try Self.train(
          variant, DistributedReducer(group, sharding: .optimizer), processes: 2, folder: path)
      }
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
      let words = results.map { if case .failure(let error) = $0 { "\(error)" } else { "no error" } }
      #expect(words.allSatisfy { $0.contains("optimizer-00002-of-00002.safetensors: ") }, "\(words)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["step-2"])
      let outcomes = try Self.run(variant, 2, .optimizer, folder: path)
      #expect(outcomes[0].start == 2)
      #expect(try outcomes[0].losses == Self.run(variant, 2, .none)[0].losses)
    }
  }

  /// `kill -9` of either process at each exchange of the writing of a checkpoint: before the folder is known, before a part
  /// is written, between the parts and the end.
  @Test(arguments: [0, 1], 1...4) func aKillLeavesTheCheckpointBefore(victim: Int, exchange: Int) async throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints", variant = Case(name: "")
    let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20)), port = store.port
    let words = SurvivorWords()
    Thread.detachNewThread { [rank = 1 - victim] in
      do {
        _ = try Self.process(variant, rank, port: port, folder: path)
        words.set("no error")
      } catch {
        words.set("\(error)")
      }
    }
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [victim = victim as Int, exchange = exchange as Int, port = port as Int, path = path as String] in
      _ = try Self.process(Case(name: ""), victim, port: port, folder: path, killedAt: exchange)
    }
    for _ in 0..<600 where words.value == nil { try await Task.sleep(for: .milliseconds(50)) }
    #expect(words.value?.contains("process \(victim) ended without a word") == true, "\(words.value ?? "nothing")")
    let whole = try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.contains(".dist2-") }
    #expect(whole == ["step-2"])
    let outcomes = try Self.run(variant, 2, .gradients, folder: path)
    #expect(outcomes.map(\.start) == [2, 2])
    #expect(try outcomes.map(\.losses) == Self.run(variant, 2, .none).map(\.losses))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).allSatisfy { !$0.contains(".dist2-") })
  }

  /// One of two real processes; with `killedAt` it kills itself at that exchange after its fourth step.
  private static func process(
    _ variant: Case, _ rank: Int, port: Int, folder: String, killedAt exchange: Int = .max
  ) throws -> Outcome {
    let place = ProcessPlace(
      rank: rank, size: 2, localRank: rank, host: "127.0.0.1", port: port, isStoreElsewhere: true)
    let group = try ProcessGroup(place, introduction: "tests", joining: .seconds(100), limit: .seconds(60))
    let reducer = Mortal(DistributedReducer(group, sharding: .optimizer), left: exchange)
    do {
      return try train(variant, reducer, processes: 2, folder: folder) { if $0 == 4 { reducer.isDoomed = true } }
    } catch {
      group.report(error)
      throw error
    }
  }
}

/// A process that ends, once doomed, at its so many-th exchange.
private final class Mortal: Reducer {
  private let base: DistributedReducer
  private var left: Int
  var isDoomed = false
  var rank: Int { base.rank }

  init(_ base: DistributedReducer, left: Int) { (self.base, self.left) = (base, left) }

  func gather(_ values: [Double]) throws -> [[Double]] {
    if isDoomed {
      left -= 1
      if left == 0 { kill(getpid(), SIGKILL) }
    }
    return try base.gather(values)
  }
  func broadcast(_ tensors: [Tensor]) throws { try base.broadcast(tensors) }
  func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
    base.gradients(of: parameters, in: module)
  }
}

private final class SurvivorWords: Sendable {
  private let words = Mutex<String?>(nil)
  var value: String? { words.withLock { $0 } }
  func set(_ text: String) { words.withLock { $0 = text } }
}
