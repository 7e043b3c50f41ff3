// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// A run of the toy experiment: a new copy of the model, trained on N problems and tested on the rest.
struct RegressionRun {
  private let settings: RegressionExperiment
  private let run: GridRun
  private let context: RunContext
  private let data: RegressionData
  private let encoder: ExampleEncoder
  private let objective: Objective
  private let model: any PretrainedModel

  init(_ settings: RegressionExperiment, _ run: GridRun, _ context: RunContext) throws {
    (self.settings, self.run, self.context) = (settings, run, context)
    data = RegressionData(seed: run.seed, training: run.count, test: settings.testProblems)
    let tokenizer = try Tokenizer(folder: settings.model)
    let digits = try TokenSpace.digits(of: tokenizer)
    encoder = ExampleEncoder(
      tokenizer, metrics: [MetricRule(MetricFinder(space: digits))], splitter: try DigitSplitter(tokenizer),
      end: tokenizer.roles.end)
    let distanceLoss = try DistanceLoss(
      digits, target: TargetDistribution(SquaredDistance(), temperature: .value(settings.temperature)),
      place: .number, contrast: .twoPass(radius: settings.radius))
    objective = try Objective(run.preset, distanceLosses: [distanceLoss], alpha: settings.alpha)
    model = try loadModel(folder: settings.model, options: LoadOptions(dtype: .float32, copying: true))
    try objective.check(vocabularySize: model.vocabularySize)
  }

  /// Trains and tests.
  func outcome() throws -> RegressionOutcome {
    let steps = settings.steps(run), total = settings.work(run) ?? steps
    let training = try train { context.say("training", $0.step, of: total, loss: $0.loss) }
    let start = ProcessInfo.processInfo.systemUptime
    let answers = try test { context.say("testing", steps + $0 / 20, of: total) }
    context.say("done", total, of: total)
    return RegressionOutcome(
      answers: answers, truths: data.test.map(\.answer), losses: training.losses, trainingSeconds: training.seconds,
      testingSeconds: ProcessInfo.processInfo.systemUptime - start)
  }

  private func train(_ onStep: (StepMetrics) -> Void) throws -> FinishMetrics {
    let logs = try context.emptyOutput()
    try makeFolders(logs)
    let recorder = TrainingRecorder(folder: logs)
    let examples = try data.training.enumerated().map { index, problem in
      let source = "training problem \(index + 1)"
      let example = encoder.encode(prompt: problem.prompt, answer: problem.completion, source: source)
      try encoder.check(example.ids, source: source)
      return example
    }
    let seed = UInt64(run.seed)
    let sampler = objective.contrastiveSampler(seed: seed)
    let batches = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 1, seed: seed), twoPass: objective.needsContrastivePass,
      contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } })
    let trainer = try withTorchErrors {
      Trainer(
        model, objective, AdamW(learningRate: settings.learningRate),
        options: TrainingOptions(
          length: .steps(settings.steps(run)), schedule: .linear,
          gradientNormLimit: settings.clip))
    }
    return try trainer.fit(batches) { event in
      try recorder.record(event)
      if case .step(let metrics) = event { onStep(metrics) }
    }
  }

  /// The values the model answers, greedily.
  private func test(_ onTested: (Int) -> Void) throws -> [Double?] {
    let generator = TokenGenerator(model)
    let prompts = data.test.map { encoder.prompt($0.prompt) }
    let options = GenerationOptions(maxNewTokens: 10, stopIDs: Set(encoder.ends.ids))
    var tested = 0
    return try stride(from: 0, to: prompts.count, by: 40).flatMap { start -> [Double?] in
      let part = Array(prompts[start..<min(start + 40, prompts.count)])
      let answers = try generator.generate(part, options)
      tested += part.count
      onTested(tested)
      return answers.map { value(of: encoder.tokenizer.decode($0.ids)) }
    }
  }

  /// The number an answer begins with; nil if it begins with anything else.
  private func value(of answer: String) -> Double? {
    let numbers = NumberGrammar().numbers(in: answer)
    guard let first = numbers.first else { return nil }
    let before = answer.unicodeScalars.prefix(first.range.lowerBound)
    return before.allSatisfy(\.properties.isWhitespace) ? first.value : nil
  }
}
