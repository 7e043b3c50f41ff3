// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch
import TorchNN
import Training

@Suite struct TrainerTests {
  /// Ten steps: CE + distance loss, clipping, warm-up and cosine, groups, an epoch's end with a smaller batch.
  /// In float64 what is left is the clip factor, which the fused update takes in float32.
  @Test(arguments: [(DType.float64, 1e-8, 2e-9), (.float32, 2e-6, 5e-6)])
  func tenStepsEqualPyTorch(dtype: DType, lossTolerance: Double, weightTolerance: Double) throws {
    let wanted = try Fixture.toyRun().steps
    let model = try Toy(dtype: dtype)
    var steps: [StepMetrics] = []
    try Trainer(model, toyObjective(), toyRule, options: toyOptions).fit(toyBatches()) { event in
      if case .step(let metrics) = event { steps.append(metrics) }
    }
    #expect(steps.map(\.step) == Array(1...10))
    for (step, expected) in zip(steps, wanted) {
      #expect(abs(step.loss - expected.loss) < lossTolerance)
      #expect(step.lossTerms.map(\.name) == ["ce", "dist"])
      #expect(abs(step.lossTerms[0].value - expected.ce) < lossTolerance)
      #expect(abs(step.lossTerms[1].value - expected.dist) < lossTolerance)
      #expect(abs(step.gradientNorm - expected.norm) < lossTolerance)
      #expect(abs(step.learningRate - expected.learningRate) < 1e-16)
      #expect(abs(step.lossTerms.reduce(0) { $0 + $1.weight * $1.value } - step.loss) < lossTolerance)
    }
    for parameter in model.parameters() {
      let final = try Fixture.toy("final.\(parameter.key)")
      #expect(difference(parameter.tensor, final) < weightTolerance, "\(parameter.key)")
    }
  }

  @Test func eventsTellTheWholeStory() throws {
    var names: [String] = [], steps: [StepMetrics] = []
    var options = toyOptions
    options.stepsPerEvent = 4
    let trainer = Trainer(try Toy(), try toyObjective(), toyRule, options: options)
    let validation = Validation(try toyBatches(), stepsBetween: 5)
    let outcome = try trainer.fit(toyBatches(), validation: validation) { event in
      switch event {
      case .started(let start):
        names.append("started")
        #expect((start.step, start.steps, start.stepsPerEpoch, start.examples) == (0, 10, 4, 14))
        #expect(start.parameters == 16 * 12 * 2 + 16 + 4 * 12 * 12 + 12)
        #expect(start.trainableParameters == start.parameters)
      case .step(let metrics):
        names.append("step \(metrics.step)")
        steps.append(metrics)
      case .validation(let metrics): names.append("validation \(metrics.step)")
      case .checkpoint: names.append("checkpoint")
      case .finished(let finish): names.append("finished \(finish.step) \(finish.reason)")
      }
    }
    #expect(
      names == ["started", "step 4", "validation 5", "step 8", "step 10", "validation 10", "finished 10 completed"])
    #expect(steps.map(\.epoch) == [1, 2, 2.5])
    let last = try toyBatches().batches(ofStep: 3)[0]
    #expect(steps[0].tokens == last.lengths.reduce(0, +))
    #expect(steps[0].supervisedTokens == last.supervision.labels.count)
    #expect(outcome.losses.count == 10)
    #expect(trainer.progress.losses == outcome.losses)
    #expect(!trainer.model.isTraining)
    #expect(trainer.model.parameters().allSatisfy { $0.tensor.grad == nil })
  }

  @Test func eventsSurviveJSON() throws {
    var events: [TrainingEvent] = []
    let trainer = Trainer(try Toy(), try toyObjective(), toyRule, options: toyOptions)
    try trainer.fit(toyBatches(), validation: Validation(try toyBatches(), stepsBetween: 5)) { events.append($0) }
    #expect(try roundTrip(events) == events)
  }

  /// Validation is one loss over all examples, however they are cut, and leaves no trace in the run.
  @Test(arguments: [1, 3, 14])
  func validationEqualsPyTorchAndChangesNothing(batch: Int) throws {
    let run = try Fixture.toyRun()
    let plain = try Toy(), validated = try Toy()
    try Trainer(plain, toyObjective(), toyRule, options: toyOptions).fit(toyBatches())
    let source = ExampleBatches(
      run.examples, plan: BatchPlan(count: 14, batch: batch, shuffled: false), microBatch: .examples(2))
    var last: ValidationMetrics?
    try Trainer(validated, toyObjective(), toyRule, options: toyOptions).fit(
      toyBatches(), validation: Validation(source, stepsBetween: 1)
    ) { event in
      if case .validation(let metrics) = event { last = metrics }
    }
    let metrics = try #require(last)
    #expect(abs(metrics.lossTerms[0].value - run.validation.ce) < 1e-8)
    #expect(abs(metrics.lossTerms[1].value - run.validation.dist) < 1e-8)
    #expect(weights(of: plain) == weights(of: validated))
  }

  /// Cutting a step into micro-batches, in whatever order, changes neither losses nor weights.
  @Test(arguments: [1, 2, 3], [Contrast.none, .twoPass(radius: 2)])
  func accumulatedEqualsWhole(microBatch: Int, contrast: Contrast) throws {
    let objective = try toyObjective(contrast: contrast)
    let examples = try Fixture.toyRun().examples
    func train(_ microBatch: Int?, reversed: Bool = false) throws -> (losses: [Double], weights: [String: [Double]]) {
      let model = try Toy(), sampler = objective.contrastiveSampler(seed: 3)
      let source = ExampleBatches(
        examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 1),
        microBatch: microBatch.map(MicroBatch.examples) ?? .wholeStep,
        contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } })
      let outcome = try Trainer(model, objective, toyRule, options: toyOptions)
        .fit(reversed ? Reversed(source) : source)
      return (outcome.losses, weights(of: model))
    }
    let whole = try train(nil)
    for reversed in [false, true] {
      let parts = try train(microBatch, reversed: reversed)
      #expect(zip(whole.losses, parts.losses).allSatisfy { abs($0 - $1) < 1e-12 })
      for (key, values) in whole.weights {
        #expect(zip(values, parts.weights[key] ?? []).allSatisfy { abs($0 - $1) < 1e-12 }, "\(key)")
      }
    }
  }

  /// The same in the type that people train in.
  @Test func accumulatedEqualsWholeInSinglePrecision() throws {
    func train(_ microBatch: Int?) throws -> [Double] {
      try Trainer(try Toy(dtype: .float32), toyObjective(), toyRule, options: toyOptions)
        .fit(toyBatches(microBatch: microBatch)).losses
    }
    let whole = try train(nil), parts = try train(1)
    #expect(zip(whole, parts).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func equalRunsAreEqualBitForBit() throws {
    func train() throws -> [String: [Double]] {
      let model = try Toy(dtype: .float32)
      try Trainer(model, toyObjective(), toyRule, options: toyOptions).fit(toyBatches(microBatch: 3, seed: 4))
      return weights(of: model)
    }
    #expect(try train() == train())
  }

  /// Every sum of a step passes through the reducer: with two processes that read the same, every sum doubles, so
  /// all means stay what they were.
  @Test func theReducerSeesDenominatorsGradientsAndLosses() throws {
    struct Doubling: Reducer {
      let rank = 0
      func gather(_ values: [Double]) -> [[Double]] { [values, values] }
      func broadcast(_ tensors: [Tensor]) {}
      func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
        AccumulatedGradients(parameters) { for gradient in $0 { gradient?.mul_(2) } }
      }
    }
    let model = try Toy(), twice = try Toy()
    let losses = try Trainer(model, toyObjective(), toyRule, options: toyOptions).fit(toyBatches()).losses
    let doubled = try Trainer(twice, toyObjective(), toyRule, options: toyOptions, reducer: Doubling())
      .fit(toyBatches()).losses
    #expect(zip(losses, doubled).allSatisfy { abs($0 - $1) < 1e-12 })
    for parameter in model.parameters() {
      let other = try #require(twice.parameters().first { $0.key == parameter.key })
      #expect(difference(parameter.tensor, other.tensor) < 1e-12)
    }
  }

  /// One of two processes has nothing to learn from: it contributes nothing, and ends with the other's weights.
  @Test func aProcessWithNothingSupervisedFollowsTheOthers() throws {
    final class Recording: Reducer {
      let rank = 0
      var values = [[Double]](), sums = [[Tensor?]]()
      func gather(_ values: [Double]) -> [[Double]] {
        self.values.append(values)
        return [values]
      }
      func broadcast(_ tensors: [Tensor]) {}
      func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
        AccumulatedGradients(parameters) { self.sums.append($0.map { $0?.clone() }) }
      }
    }
    final class Following: Reducer {
      let rank = 1
      var other: Recording
      init(_ other: Recording) { self.other = other }
      func gather(_ values: [Double]) -> [[Double]] { [other.values.removeFirst(), values] }
      func broadcast(_ tensors: [Tensor]) {}
      func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
        AccumulatedGradients(parameters) {
          for (mine, theirs) in zip($0, self.other.sums.removeFirst()) { mine?.add_(theirs!) }
        }
      }
    }
    let model = try Toy(), idle = try Toy(), recording = Recording()
    let losses = try Trainer(model, toyObjective(), toyRule, options: toyOptions, reducer: recording)
      .fit(toyBatches()).losses
    let nothing = try Fixture.toyRun().examples.map { example in
      EncodedExample(ids: example.ids, supervised: example.ids.map { _ in false })
    }
    let batches = ExampleBatches(nothing, plan: BatchPlan(count: nothing.count, batch: 4, seed: 0, shuffled: false))
    let followed = try Trainer(idle, toyObjective(), toyRule, options: toyOptions, reducer: Following(recording))
      .fit(batches).losses
    #expect(followed == losses)
    #expect(recording.sums.isEmpty)
    #expect(weights(of: idle) == weights(of: model))
  }

  @Test func frozenParametersStayAndTheRestIsTrained() throws {
    let model = try Toy()
    model.unfreeze()
    for parameter in ParameterSelector.vectors.parameters(of: model) { parameter.box.isTrainable = false }
    let before = weights(of: model)
    var trained = 0
    try Trainer(model, toyObjective(), toyRule, options: toyOptions).fit(toyBatches()) { event in
      if case .started(let start) = event { trained = start.trainableParameters }
    }
    #expect(trained == 16 * 12 * 2 + 4 * 12 * 12)
    let after = weights(of: model)
    for key in before.keys { #expect((before[key] == after[key]) == ["bias", "norm"].contains(key), "\(key)") }
  }

  @Test func aRunStopsBetweenStepsWhenAsked() throws {
    var asked = 0, events = 0
    let trainer = Trainer(try Toy(), try toyObjective(), toyRule, options: toyOptions)
    trainer.shouldStop = {
      asked += 1
      return asked > 3
    }
    let outcome = try trainer.fit(toyBatches()) { if case .step = $0 { events += 1 } }
    #expect(outcome.reason == .stopped)
    #expect(outcome.step == 3)
    #expect(events == 3)
    // And goes on as if it had not been stopped.
    trainer.shouldStop = { false }
    let whole = try Trainer(try Toy(), toyObjective(), toyRule, options: toyOptions).fit(toyBatches())
    #expect(try trainer.fit(toyBatches()).losses == whole.losses)
  }

  @Test func whatAnObserverThrowsEndsTheRun() throws {
    struct Enough: Error {}
    let trainer = Trainer(try Toy(), try toyObjective(), toyRule, options: toyOptions)
    #expect(throws: Enough.self) {
      try trainer.fit(toyBatches()) { if case .step(let metrics) = $0, metrics.step == 2 { throw Enough() } }
    }
    #expect(trainer.progress.step == 2)
  }

  @Test func errorsOfTorchAreThrownAndLeaveTheModel() throws {
    let model = try Toy()
    let before = weights(of: model)
    let example = EncodedExample(ids: [2, 99, 3], supervised: [true, true, true], source: "a line")  // 99: no such id
    let source = ExampleBatches([example], plan: BatchPlan(count: 1, batch: 1))
    let trainer = Trainer(model, try toyObjective(), toyRule, options: toyOptions)
    #expect(throws: TorchError.self) { try trainer.fit(source) }
    #expect(weights(of: model) == before)
    #expect(trainer.progress.step == 0)
  }

  @Test func aStepWithNothingToLearnIsRefused() throws {
    let examples = [EncodedExample(ids: [2, 3], supervised: [true, false], source: "train.jsonl line 7")]
    let source = ExampleBatches(examples, plan: BatchPlan(count: 1, batch: 1))
    let error = #expect(throws: TrainingError.self) {
      try Trainer(try Toy(), toyObjective(), toyRule, options: toyOptions).fit(source)
    }
    #expect(error == .nothingSupervised(step: 1, examples: ["train.jsonl line 7"]))
    #expect("\(try #require(error))".contains("step 1: no token to learn in train.jsonl line 7"))
  }
}

/// A source's micro-batches in the other order.
final class Reversed: BatchSource {
  private let base: any BatchSource
  var plan: BatchPlan { base.plan }
  init(_ base: any BatchSource) { self.base = base }
  func batches(ofStep step: Int) throws -> [TokenBatch] { try base.batches(ofStep: step).reversed() }
}
