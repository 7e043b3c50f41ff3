// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Objectives over whole responses in the loop, against TRL's trainers; see `Tests/Fixtures/sequences/training.py`.
@Suite struct SequenceTrainingTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  struct Run: Decodable {
    struct Row: Decodable {
      var prompt_ids: [Int32]
      var chosen_ids, rejected_ids, completion_ids: [Int32]?
      var label: Bool?
    }
    var data: [Row]
    var steps: [[String: Double]]

    var examples: [EncodedExample] {
      data.enumerated().map { index, row in
        let responses = row.completion_ids.map { [$0] } ?? [row.chosen_ids ?? [], row.rejected_ids ?? []]
        return EncodedExample(
          documents: responses.map { response in
            EncodedExample(
              ids: row.prompt_ids + response, supervised: row.prompt_ids.map { _ in false } + response.map { _ in true }
            )
          }, Responses(row.label.map(Worth.label) ?? .preference), source: "line \(index + 1)")
      }
    }
  }

  private static let runs: [String: Run] = {
    let file = fixtures.appending(path: "sequences/training.json")
    return try! JSONDecoder().decode([String: Run].self, from: Data(contentsOf: file))
  }()

  private func model(_ dtype: DType = .float32) throws -> Llama {
    Torch.threads = 1
    return try Llama(
      folder: Self.fixtures.appending(path: "llama/gqa-llama3").path, options: LoadOptions(dtype: dtype))
  }

  private func objective(_ name: String) throws -> SequenceObjective {
    let parameters = SequenceParameters(beta: 0.5, unwanted: 1.5)
    return try SequenceObjective(try #require(SequencePreset(rawValue: name)), parameters)
  }

  private func source(
    _ examples: any ExampleCollection, microBatch: MicroBatch = .wholeStep, layout: BatchLayout = .padded
  ) -> ExampleBatches {
    ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: examples.count, shuffled: false), microBatch: microBatch,
      layout: layout)
  }

  private func train(
    _ model: any TokenModel, _ objective: SequenceObjective, _ source: any BatchSource, steps: Int = 3
  ) throws -> [StepMetrics] {
    var metrics = [StepMetrics]()
    let options = TrainingOptions(length: .steps(steps), schedule: .constant, gradientNormLimit: 1)
    try Trainer(model, objective, AdamW(learningRate: 1e-3, weightDecay: 0), options: options).fit(source) { event in
      if case .step(let step) = event { metrics.append(step) }
    }
    return metrics
  }

  private func expectTRL(_ steps: [StepMetrics], _ run: Run, _ comment: String) {
    #expect(steps.count == run.steps.count)
    for (own, theirs) in zip(steps, run.steps) {
      #expect(abs(own.loss - (theirs["loss"] ?? .nan)) < 1e-4, "\(comment) step \(own.step)")
      let measured = Dictionary(uniqueKeysWithValues: (own.measurements ?? []).map { ($0.name, $0.value) })
      for (name, value) in theirs where name != "loss" && !(name == "rewards/margins" && measured[name] == nil) {
        #expect(abs((measured[name] ?? .nan) - value) < 1e-4, "\(comment) step \(own.step) \(name)")
      }
    }
  }

  @Test(arguments: ["dpo", "ipo", "kto"]) func threeStepsEqualTRL(name: String) throws {
    let run = try #require(Self.runs[name]), objective = try objective(name)
    for (microBatch, layout) in [
      (MicroBatch.wholeStep, BatchLayout.padded), (.examples(1), .padded), (.wholeStep, .packed(rowLength: 40)),
    ] {
      let model = try model()
      let batches = ReferencedBatches(
        PrefetchedBatches(source(run.examples, microBatch: microBatch, layout: layout)),
        reference: .twin(try self.model()), mismatchedRewardsOf: objective.needsMismatchedRewards ? model : nil)
      expectTRL(try train(model, objective, batches), run, "\(name), \(microBatch), \(layout)")
    }
  }

  @Test func precomputedEqualsLive() throws {
    let run = try #require(Self.runs["dpo"]), objective = try objective("dpo")
    try withTemporaryFolder { folder in
      let identity = ["model": "m", "data": "d"]
      let cache = try ReferenceCache(
        folder + "/reference", identity: identity, examples: run.examples.count, examplesOfPart: 3)
      #expect(cache.missing == [0..<3, 3..<4])
      let reference = ReferenceModel.twin(try model())
      // Interrupted after the first part.
      struct Stop: Error {}
      struct Failing: ExampleCollection {
        let examples: [EncodedExample]
        var count: Int { examples.count }
        func example(_ index: Int) throws -> EncodedExample { if index > 2 { throw Stop() } else { examples[index] } }
      }
      #expect(throws: Stop.self) { try cache.compute(Failing(examples: run.examples), by: reference) }
      #expect(cache.missing == [3..<4])
      let again = try ReferenceCache(
        folder + "/reference", identity: identity, examples: run.examples.count, examplesOfPart: 3)
      try again.compute(run.examples, by: reference, microBatch: 2)
      #expect(again.missing.isEmpty)
      expectTRL(
        try train(try model(), objective, source(ReferencedExamples(run.examples, again))), run, "precomputed")
      for changed in [["model": "other", "data": "d"], ["model": "m", "data": "d", "tokenizer": "t"]] {
        let error = #expect(throws: InputError.self) {
          try ReferenceCache(folder + "/reference", identity: changed, examples: run.examples.count, examplesOfPart: 3)
        }
        #expect(error?.place == (changed.count == 2 ? "model" : "tokenizer"))
      }
      // Examples that are others than those it was computed of.
      var other = run.examples
      other.swapAt(0, 2)
      #expect(throws: InputError.self) { try ReferencedExamples(other, again).example(0) }
    }
  }

  @Test func withoutAdaptersEqualsTwin() throws {
    let run = try #require(Self.runs["dpo"]), objective = try objective("dpo")
    func adapted() throws -> Llama {
      let model = try model()
      try model.addLoRA(LoRASettings(rank: 4, alpha: 8, targets: ["q_proj", "down_proj"]), seed: 5)
      return model
    }
    let first = try adapted(), second = try adapted()
    let own = try train(
      first, objective, ReferencedBatches(source(run.examples), reference: .withoutAdapters(first)), steps: 4)
    let twin = try train(
      second, objective, ReferencedBatches(source(run.examples), reference: .twin(try model())), steps: 4)
    #expect(abs(own[0].loss - log(2)) < 1e-6)
    #expect(own[3].loss < own[0].loss - 0.01)
    for (a, b) in zip(own, twin) { #expect(abs(a.loss - b.loss) < 1e-6) }
  }

  /// KL(π_ref ‖ π) is 0 at first, and so is its gradient: the first steps of TDPO are DPO's.
  @Test(arguments: [SequencePreset.tdpo1, .tdpo2, .sparsePO]) func divergencesAreReadOfReferenceModels(
    preset: SequencePreset
  )
    throws
  {
    let run = try #require(Self.runs["dpo"])
    let objective = try SequenceObjective(preset, SequenceParameters(beta: 0.5))
    func losses(_ microBatch: MicroBatch) throws -> [Double] {
      let model = try model()
      let options = TrainingOptions(length: .steps(3), schedule: .constant, gradientNormLimit: 1)
      let trainer = Trainer(model, objective, AdamW(learningRate: 1e-3, weightDecay: 0), options: options)
      trainer.referenceModels = [SequenceObjective.reference: .twin(try self.model())]
      return try trainer.fit(source(run.examples, microBatch: microBatch)).losses
    }
    let whole = try losses(.wholeStep), parts = try losses(.examples(1))
    #expect(abs(whole[0] - log(2)) < 1e-6)
    // One step is DPO's; then the divergence counts.
    #expect(abs(whole[1] - (run.steps[1]["loss"] ?? .nan)) > 1e-5)
    #expect(whole[2] < whole[1])
    for (a, b) in zip(whole, parts) { #expect(abs(a - b) < 1e-5) }
  }

  @Test func referenceModelsStayAsTheyAre() throws {
    let run = try #require(Self.runs["kto"]), objective = try objective("kto")
    let twin = try model(), model = try model(), fresh = try self.model()
    _ = try train(
      model, objective,
      ReferencedBatches(source(run.examples), reference: .twin(twin), mismatchedRewardsOf: model))
    for (own, expected) in zip(twin.parameters(), fresh.parameters()) {
      #expect(own.tensor.grad == nil)
      #expect(difference(own.tensor, expected.tensor) == 0)
    }
  }

  @Test func validationReportsTheSameMeans() throws {
    let run = try #require(Self.runs["dpo"]), objective = try objective("dpo"), reference = try model()
    func batches(_ microBatch: MicroBatch) -> ReferencedBatches {
      ReferencedBatches(source(run.examples, microBatch: microBatch), reference: .twin(reference))
    }
    var found: ValidationMetrics?
    let trainer = Trainer(
      try model(), objective, AdamW(learningRate: 0),
      options: TrainingOptions(length: .steps(1), schedule: .constant))
    var step: StepMetrics?
    try trainer.fit(batches(.wholeStep), validation: Validation(batches(.examples(3)), stepsBetween: 1)) { event in
      if case .validation(let metrics) = event { found = metrics }
      if case .step(let metrics) = event { step = metrics }
    }
    let validation = try #require(found?.measurements), training = try #require(step?.measurements)
    #expect(validation.map(\.name) == objective.measurementNames)
    for (a, b) in zip(validation, training) { #expect(abs(a.value - b.value) < 1e-5) }
  }

  /// BCO's δ is halfway between the mean rewards of both classes in the steps before, 0 at first.
  @Test func theAnchorFollowsRewards() throws {
    let run = try #require(Self.runs["kto"]), objective = try objective("bco"), reference = try model()
    for parameter in reference.parameters() { noGrad { parameter.tensor.mul_(1.1) } }
    func steps(_ examples: [EncodedExample], _ count: Int, _ microBatch: MicroBatch = .wholeStep) throws
      -> [StepMetrics]
    {
      var metrics = [StepMetrics]()
      let source = ReferencedBatches(source(examples, microBatch: microBatch), reference: .twin(reference))
      let options = TrainingOptions(length: .steps(count), schedule: .constant)
      try Trainer(try model(), objective, AdamW(learningRate: 0), options: options).fit(source) { event in
        if case .step(let step) = event { metrics.append(step) }
      }
      return metrics
    }
    // The reward of each response, which does not change at a learning rate of 0.
    let rewards = try run.examples.map { example in
      try #require(try steps([example], 1)[0].measurements?.first { $0.name.hasPrefix("rewards/") }).value
    }
    let isWanted = run.data.map { $0.label ?? false }
    func mean(_ wanted: Bool) -> Double {
      let own = zip(rewards, isWanted).filter { $0.1 == wanted }.map(\.0)
      return own.reduce(0, +) / Double(own.count)
    }
    func loss(_ anchor: Double) -> Double {
      zip(rewards, isWanted).reduce(0) { sum, response in
        let above = response.0 - anchor
        return sum + log1p(exp(response.1 ? -above : above))
      } / Double(rewards.count)
    }
    let anchor = (mean(true) + mean(false)) / 2
    #expect(abs(anchor) > 0.05)
    for microBatch in [MicroBatch.wholeStep, .examples(2)] {
      let found = try steps(run.examples, 3, microBatch).map(\.loss)
      for (own, expected) in zip(found, [loss(0), loss(anchor), loss(anchor)]) { #expect(abs(own - expected) < 1e-5) }
    }
  }

  /// A run that goes on from a checkpoint has the δ that it stopped with.
  @Test func theAnchorIsKept() throws {
    let run = try #require(Self.runs["kto"]), objective = try objective("bco"), reference = try model()
    for parameter in reference.parameters() { noGrad { parameter.tensor.mul_(1.1) } }
    func losses(_ folder: String?, steps: Int) throws -> [Double] {
      let source = ReferencedBatches(source(run.examples), reference: .twin(reference))
      let options = TrainingOptions(length: .steps(4), schedule: .constant)
      let trainer = Trainer(try model(), objective, AdamW(learningRate: 1e-3), options: options)
      trainer.shouldStop = { trainer.progress.step >= steps }
      return try trainer.fit(source, checkpoints: folder.map { try Checkpoints($0, stepsBetween: 1) }).losses
    }
    try withTemporaryFolder { folder in
      let whole = try losses(nil, steps: 4)
      #expect(try losses(folder, steps: 2).count == 2)
      #expect(try losses(folder, steps: 4) == whole)
    }
  }

  /// Accuracy does not change at a learning rate of 0, which ends the run.
  @Test func runsEndByAccuracy() throws {
    let run = try #require(Self.runs["dpo"]), objective = try objective("dpo"), reference = try model()
    func batches() -> ReferencedBatches { ReferencedBatches(source(run.examples), reference: .twin(reference)) }
    func finish(_ rate: Double, _ measurement: String?) throws -> FinishMetrics {
      let trainer = Trainer(
        try model(), objective, AdamW(learningRate: rate),
        options: TrainingOptions(length: .steps(6), schedule: .constant))
      let stop = EarlyStop(patience: 2, measurement: measurement)
      return try trainer.fit(batches(), validation: Validation(batches(), stepsBetween: 1, earlyStop: stop))
    }
    let constant = try finish(0, "rewards/accuracies")
    #expect(constant.reason == .stoppedEarly && constant.step == 3 && constant.best?.step == 1)
    // All pairs are right after the first step, while the loss goes on falling.
    #expect(try finish(1e-3, "rewards/accuracies").step == 3)
    #expect(try finish(1e-3, nil).step == 6)
    #expect(try finish(1e-3, "rewards/margins").best?.step == 6)
  }

  @Test func modesAreChosenAndRefused() throws {
    let dpo = try objective("dpo"), kto = try objective("kto")
    func mode(_ mode: ReferenceMode, _ objective: SequenceObjective, adapters: Bool = false, continued: Bool = false)
      throws -> ReferenceMode?
    { try mode.resolved(for: objective, hasAdapters: adapters, continuesAdapters: continued) }
    #expect(try mode(.auto, dpo) == .precomputed)
    #expect(try mode(.auto, kto) == .twin)
    #expect(try mode(.auto, kto, adapters: true) == .withoutAdapters)
    #expect(try mode(.auto, dpo, adapters: true, continued: true) == .precomputed)
    #expect(try mode(.twin, try SequenceObjective(.simpo)) == nil)
    #expect(throws: ObjectiveError.self) { try mode(.precomputed, kto) }
    #expect(throws: ObjectiveError.self) { try mode(.withoutAdapters, dpo) }
    #expect(throws: ObjectiveError.self) { try mode(.withoutAdapters, dpo, adapters: true, continued: true) }
  }
}
