// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// Steps shared over sockets: the same run in any number of processes, each of them a thread here.
///
/// In float64 the order of additions moves a weight by less than 1e-12 in ten steps.
@Suite(.serialized, .enabled(if: allowsRanksAsThreads, "scripts/test.sh runs these in a process of their own"))
struct DistributedTests {
  struct Outcome: Sendable {
    var losses, validations: [Double]
    var norms = [Double](), tokens = [Int]()
    var weights: [String: [Double]]
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var microBatch: MicroBatch = .wholeStep
    var layout = BatchLayout.padded
    /// Ten examples by four or three: the last step of an epoch is short, and four processes have more than it has examples.
    var batch = 4
    var contrast = Contrast.none
    var bucketBytes = 25 << 20
    var testDescription: String { name }
  }

  private static func source(_ variant: Case, _ share: StepShare) throws -> ExampleBatches {
    let examples = try Fixture.toyRun().examples
    let sampler = try toyObjective(contrast: variant.contrast).contrastiveSampler(seed: 3)
    return ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: variant.batch, seed: 1), share: share,
      microBatch: variant.microBatch, layout: variant.layout,
      contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } })
  }

  private static func train(
    _ variant: Case, _ group: ProcessGroup?, folder: String? = nil, stopAfter: Int = .max, steps: Int = 10
  ) throws -> Outcome {
    let model = try Toy()
    var options = toyOptions
    options.length = .steps(steps)
    let trainer = Trainer(
      model, try toyObjective(contrast: variant.contrast), toyRule, options: options,
      reducer: group.map { DistributedReducer($0, bucketBytes: variant.bucketBytes) } ?? SingleProcess())
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    let share = group.map { StepShare(rank: $0.rank, of: $0.size) } ?? .whole
    var norms = [Double](), tokens = [Int](), validations = [Double]()
    // The first process alone has checkpoints.
    let checkpoints = try (group?.rank ?? 0) == 0 ? folder.map { try Checkpoints($0) } : nil
    let finish = try trainer.fit(
      source(variant, share), validation: Validation(source(variant, share), stepsBetween: 4), checkpoints: checkpoints
    ) { event in
      switch event {
      case .step(let step): (norms, tokens) = (norms + [step.gradientNorm], tokens + [step.tokens])
      case .validation(let found): validations.append(found.loss)
      default: break
      }
    }
    return Outcome(
      losses: finish.losses, validations: validations, norms: norms, tokens: tokens, weights: weights(of: model))
  }

  private func expectSame(_ outcome: Outcome, _ expected: Outcome, within bound: Double = 1e-12) {
    func worst(_ a: [Double], _ b: [Double]) -> Double {
      a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }
    #expect(worst(outcome.losses, expected.losses) < bound)
    #expect(worst(outcome.validations, expected.validations) < bound)
    #expect(worst(outcome.norms, expected.norms) < bound)
    #expect(outcome.tokens == expected.tokens)
    for (key, values) in expected.weights { #expect(worst(outcome.weights[key] ?? [], values) < bound, "\(key)") }
  }

  @Test(arguments: [
    Case(name: "whole steps"), Case(name: "micro-batches of one", microBatch: .examples(1)),
    Case(name: "micro-batches by tokens, packed", microBatch: .tokens(24), layout: .packed(rowLength: 24), batch: 5),
    Case(name: "fewer examples than processes", batch: 3),
    Case(name: "contrastive examples", microBatch: .examples(2), contrast: .twoPass()),
    Case(name: "a bucket for each gradient", bucketBytes: 1),
  ])
  func anyNumberOfProcessesEqualsOne(_ variant: Case) throws {
    let whole = try Self.train(variant, nil)
    for count in 1...4 {
      let outcomes = try inProcesses(count) { try Self.train(variant, $0) }.map { try $0.get() }
      for outcome in outcomes {
        #expect(outcome.losses == outcomes[0].losses && outcome.weights == outcomes[0].weights, "of \(count)")
        #expect(outcome.validations == outcomes[0].validations)
        expectSame(outcome, whole)
      }
    }
  }

  /// The same run on the same number of processes has the same bits.
  @Test func repetitionsHaveTheSameBits() throws {
    let variant = Case(name: "", microBatch: .examples(1))
    let runs = try (0..<2).map { _ in try inProcesses(3) { try Self.train(variant, $0) }.map { try $0.get() } }
    #expect(runs[0][0].losses == runs[1][0].losses)
    #expect(runs[0][0].weights == runs[1][0].weights)
  }

  /// Two processes begin a run, one goes on, three end it: as if it had not been interrupted. Process 0 alone reads files.
  @Test func theNumberOfProcessesMayChange() throws {
    let folder = try TemporaryFolder(), path = folder.path + "/checkpoints"
    let variant = Case(name: ""), whole = try Self.train(variant, nil)
    _ = try inProcesses(2) { try Self.train(variant, $0, folder: path, stopAfter: 3) }.map { try $0.get() }
    _ = try Self.train(variant, nil, folder: path, stopAfter: 6)
    let outcomes = try inProcesses(3) { try Self.train(variant, $0, folder: path) }.map { try $0.get() }
    for outcome in outcomes {
      #expect(outcome.losses.count == 10 && outcome.losses == outcomes[0].losses)
      #expect(outcome.weights == outcomes[0].weights)
      #expect(zip(outcome.losses, whole.losses).allSatisfy { abs($0 - $1) < 1e-12 })
      for (key, values) in whole.weights {
        #expect(zip(values, outcome.weights[key] ?? []).allSatisfy { abs($0 - $1) < 1e-12 }, "\(key)")
      }
    }
  }

  /// In bfloat16 gradients add up in float32 buckets; the masters stay together.
  @Test func bfloat16() throws {
    @Sendable func train(_ group: ProcessGroup?) throws -> (losses: [Double], weights: [String: [Double]]) {
      let model = try Toy(dtype: .float32)
      var options = toyOptions
      options.dtype = .bfloat16
      let trainer = Trainer(
        model, try toyObjective(), toyRule, options: options,
        reducer: group.map { DistributedReducer($0) } ?? SingleProcess())
      let share = group.map { StepShare(rank: $0.rank, of: $0.size) } ?? .whole
      let finish = try trainer.fit(Self.source(Case(name: "", microBatch: .examples(1)), share))
      return (finish.losses, weights(of: model))
    }
    let whole = try train(nil), shared = try inProcesses(2) { try train($0) }.map { try $0.get() }
    #expect(shared[0].losses == shared[1].losses && shared[0].weights == shared[1].weights)
    // A master that falls on the other side of a rounding moves a weight of this size by 2⁻⁹ of it.
    #expect(zip(shared[0].losses, whole.losses).allSatisfy { abs($0 - $1) < 5e-3 * $1 })
  }

  /// What no process's loss depends on is left alone, as in one process; what one's does is updated in all.
  @Test func gradientsThatAreNotThere() throws {
    let gradients = try inProcesses(2) { group in
      let parameters = (0..<3).map { Tensor([Float($0), 1]).requiresGrad(true) }
      let step = DistributedReducer(group).gradients(of: parameters, in: Module())
      try step.add(isLast: true) {
        // The second belongs to process 1 alone, the third to nobody.
        (group.rank == 0 ? parameters[0] : parameters[0] * parameters[1]).sum().backward()
        return true
      }
      let first = try step.finish(passes: 1).map { $0?.array(of: Double.self) }
      step.clear()
      // Process 1 has nothing to learn from.
      if group.rank == 0 {
        try step.add(isLast: true) {
          parameters[2].sum().backward()
          return true
        }
      }
      return [first, try step.finish(passes: 1).map { $0?.array(of: Double.self) }]
    }.map { try $0.get() }
    for found in gradients {
      #expect(found[0] == [[2, 2], [0, 1], nil])
      #expect(found[1] == [nil, nil, [1, 1]])
    }
  }

  /// A NaN in one process is explained by all, in the words of the one that has it.
  @Test func aLossThatIsNotFiniteIsNamedByAll() throws {
    let words = try inProcesses(2) { group -> String in
      let model = try Toy()
      // Poison of an example that the first step has: whoever computes it.
      model.poison = { $0 * (group.rank == 1 ? .nan : 1) }
      let trainer = Trainer(model, try toyObjective(), toyRule, options: toyOptions, reducer: DistributedReducer(group))
      do {
        try trainer.fit(Self.source(Case(name: ""), StepShare(rank: group.rank, of: 2)))
      } catch let error as TrainingError {
        return error.description
      }
      return "no error"
    }.map { try $0.get() }
    #expect(words[0] == words[1])
    #expect(words[0].contains("loss term ce"))
  }

  /// Each example of a step belongs to one process, and all have about as many tokens.
  @Test func sharesAreWholeAndEven() {
    let costs = [9, 1, 1, 7, 3, 3, 5, 2]
    for count in 1...10 {
      let shares = (0..<count).map { rank in StepShare(rank: rank, of: count).dealt(costs) }
      #expect(shares.flatMap { $0 }.sorted() == Array(costs.indices))
      let tokens = shares.map { $0.reduce(0) { $0 + costs[$1] } }
      if count <= 3 { #expect((tokens.max() ?? 0) - (tokens.min() ?? 0) <= 1, "\(tokens)") }
    }
  }
}
