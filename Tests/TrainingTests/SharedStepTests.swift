// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import Torch
import TorchNN
import Training

/// Steps that several processes share, each of them a thread here: what a ``Reducer`` must be able to carry.
@Suite struct SharedStepTests {
  private static func trainer(_ reducer: any Reducer, steps: Int = 10) throws -> (Trainer, Toy) {
    var options = toyOptions
    options.length = .steps(steps)
    let model = try Toy()
    return (Trainer(model, try toyObjective(), toyRule, options: options, reducer: reducer), model)
  }

  /// Each process reads a part of every step: losses and weights are those of one process, and equal bits in all.
  @Test(arguments: [2, 3]) func severalProcessesEqualOne(count: Int) throws {
    let (whole, model) = try Self.trainer(SingleProcess())
    let losses = try whole.fit(toyBatches()).losses, expected = weights(of: model)
    let shared = try together(count) { rank, reducer in
      let (trainer, model) = try Self.trainer(reducer)
      var tokens = [Int]()
      let finish = try trainer.fit(Share(toyBatches(microBatch: 1), rank: rank, of: count)) {
        if case .step(let metrics) = $0 { tokens.append(metrics.tokens) }
      }
      return (losses: finish.losses, weights: weights(of: model), tokens: tokens)
    }
    #expect(shared[0].losses.count == 10)
    for process in shared {
      #expect(process.losses == shared[0].losses)
      #expect(process.weights == shared[0].weights)
      #expect(zip(process.losses, losses).allSatisfy { abs($0 - $1) < 1e-12 })
      for (key, values) in expected {
        #expect(zip(values, process.weights[key] ?? []).allSatisfy { abs($0 - $1) < 1e-12 }, "\(key)")
      }
      #expect(try process.tokens[0] == toyBatches().batches(ofStep: 0)[0].lengths.reduce(0, +))
    }
  }

  /// Each process keeps its shard of the gradients: their norm is still that of all of them.
  @Test func theNormOfShardsIsThatOfTheWhole() throws {
    @Sendable func norm(_ trainer: Trainer, _ source: any BatchSource) throws -> Double {
      var norm = 0.0
      try trainer.fit(source) { if case .step(let metrics) = $0 { norm = metrics.gradientNorm } }
      return norm
    }
    let expected = try norm(Self.trainer(SingleProcess(), steps: 1).0, toyBatches())
    let norms = try together(2) { rank, reducer in
      try norm(Self.trainer(Sharding(base: reducer), steps: 1).0, Share(toyBatches(microBatch: 1), rank: rank, of: 2))
    }
    #expect(norms[0] == norms[1])
    #expect(abs(norms[0] - expected) < 1e-12)
  }

  @Test func allStopAfterTheSameStepWhenOneIsAsked() throws {
    let ends = try together(2) { rank, reducer in
      let trainer = try Self.trainer(reducer).0
      if rank == 1 { trainer.shouldStop = { trainer.progress.step >= 3 } }
      return try trainer.fit(Share(toyBatches(microBatch: 1), rank: rank, of: 2))
    }
    #expect(ends.map(\.step) == [3, 3])
    #expect(ends.map(\.reason) == [.stopped, .stopped])
  }

  /// Processes that read other data end before the first step, and say which one and what.
  @Test func processesThatDifferAreNamed() throws {
    let errors = try together(2) { rank, reducer -> String in
      let examples = try Fixture.toyRun().examples
      let source = ExampleBatches(
        examples, plan: BatchPlan(count: examples.count, batch: rank == 0 ? 4 : 2, shuffled: false))
      let (trainer, model) = try Self.trainer(reducer)
      let before = weights(of: model)
      do {
        try trainer.fit(source)
      } catch let error as TrainingError {
        return weights(of: model) == before ? error.description : "the model was changed"
      }
      return "no error"
    }
    #expect(errors[0].contains("process 1 has examples of a step 2, process 0 has 4."))
    #expect(errors[1].contains("process 0 has examples of a step 4, process 1 has 2."))
  }

  /// A NaN in one process ends all of them.
  @Test func aLossThatIsNotFiniteEndsAll() throws {
    let errors = try together(2) { rank, reducer -> Bool in
      let (trainer, model) = try Self.trainer(reducer)
      if rank == 1 { noGrad { model.embedding.select(0, 14).fill_(.nan) } }
      do {
        try trainer.fit(Share(toyBatches(microBatch: 1), rank: rank, of: 2))
      } catch TrainingError.nonFinite {
        return trainer.progress.step == 0
      }
      return false
    }
    #expect(errors == [true, true])
  }
}

/// Every so many-th micro-batch of a source: one process's part of each step.
private final class Share: BatchSource {
  private let base: any BatchSource
  private let rank: Int, count: Int
  var plan: BatchPlan { base.plan }
  init(_ base: any BatchSource, rank: Int, of count: Int) { (self.base, self.rank, self.count) = (base, rank, count) }
  func batches(ofStep step: Int) throws -> [TokenBatch] {
    try base.batches(ofStep: step).enumerated().filter { $0.offset % count == rank }.map(\.element)
  }
}

/// A process that keeps every other gradient alone.
private struct Sharding: Reducer {
  let base: any Reducer
  var rank: Int { base.rank }
  func gather(_ values: [Double]) throws -> [[Double]] { try base.gather(values) }
  func broadcast(_ tensors: [Tensor]) throws { try base.broadcast(tensors) }
  func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
    Shards(rank: rank, base: base.gradients(of: parameters, in: module))
  }

  private final class Shards: StepGradients {
    let isSharded = true, rank: Int, base: any StepGradients
    var parts: [ParameterPart] { base.parts }
    init(rank: Int, base: any StepGradients) { (self.rank, self.base) = (rank, base) }
    func add(isLast: Bool, _ pass: () throws -> Bool) throws { try base.add(isLast: isLast, pass) }
    func finish(passes: Int) throws -> [Tensor?] {
      try base.finish(passes: passes).enumerated().map { $0.offset % 2 == rank ? $0.element : nil }
    }
    func clear() { base.clear() }
  }
}

/// A thread that stands for a process.
private struct ThreadProcess: Reducer {
  let rank: Int, meeting: Meeting

  func gather(_ values: [Double]) -> [[Double]] { meeting.exchange(values, by: rank) }

  func broadcast(_ tensors: [Tensor]) {
    let all = meeting.exchange(tensors.map { $0.clone() }, by: rank)
    noGrad { for (own, first) in zip(tensors, all[0]) { own.copy_(first) } }
  }

  func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
    AccumulatedGradients(parameters) { own in
      let all = meeting.exchange(own.map { $0?.clone() }, by: rank)
      for (index, gradient) in own.enumerated() {
        gradient?.zero_()
        for process in all { gradient?.add_(process[index]!) }
      }
    }
  }
}

/// Where threads wait for each other and exchange what they bring.
private final class Meeting: @unchecked Sendable {
  private let condition = NSCondition()
  private var given: [Any?]
  private var present = 0, isComplete = false

  init(_ count: Int) { given = Array(repeating: nil, count: count) }

  func exchange<T>(_ value: T, by rank: Int) -> [T] {
    condition.lock()
    defer { condition.unlock() }
    wait { !isComplete }  // until all have left with what they came for the last time
    given[rank] = value
    present += 1
    if present == given.count { isComplete = true }
    condition.broadcast()
    wait { isComplete }
    let all = given.compactMap { $0 as? T }
    present -= 1
    if present == 0 { isComplete = false }
    condition.broadcast()
    return all
  }

  private func wait(until isTrue: () -> Bool) {
    while !isTrue() { precondition(condition.wait(until: Date(timeIntervalSinceNow: 60)), "a thread did not come") }
  }
}

/// What each of some threads comes to, by rank.
private func together<T: Sendable>(
  _ count: Int, _ run: @escaping @Sendable (Int, any Reducer) throws -> T
) throws -> [T] {
  let meeting = Meeting(count), end = Meeting(count + 1)
  for rank in 0..<count {
    Thread.detachNewThread {
      let result = Result { try run(rank, ThreadProcess(rank: rank, meeting: meeting)) }
      _ = end.exchange(result, by: rank) as [Any]
    }
  }
  let all: [Any] = end.exchange(0 as Any, by: count)
  return try all.compactMap { $0 as? Result<T, any Error> }.map { try $0.get() }
}
