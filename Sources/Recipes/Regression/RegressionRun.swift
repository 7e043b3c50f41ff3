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

/// Runs one cell of an experiment's folder and keeps its result; tells its progress on standard output.
///
/// - Throws: `InputError` for a folder or cell that is not there, or a model that cannot be read.
public func runRegressionCell(named name: String, folder: String, threads: Int) throws {
  let store = try CellStore<RegressionSettings, RegressionOutcome>(folder: folder)
  let cell = try store.cell(named: name, among: store.settings.cells) { $0.name }
  Torch.threads = threads
  // A cell that is run again starts anew, and so does its log.
  let logs = "\(folder)/logs/\(name)"
  try removeTree(logs)
  try makeFolders(logs)
  let outcome = try RegressionRun(store.settings, cell, TrainingRecorder(folder: logs)).run { $0.send() }
  try store.keep(outcome, of: name)
}

/// One cell: a fresh copy of the model, trained on N problems and tested on the rest.
struct RegressionRun {
  private let settings: RegressionSettings
  private let cell: RegressionCell
  private let data: RegressionData
  private let encoder: ExampleEncoder
  private let objective: Objective
  private let model: any PretrainedModel
  private let recorder: TrainingRecorder

  init(_ settings: RegressionSettings, _ cell: RegressionCell, _ recorder: TrainingRecorder) throws {
    self.settings = settings
    self.cell = cell
    self.recorder = recorder
    data = RegressionData(seed: cell.seed, training: cell.count, test: settings.testProblems)
    let tokenizer = try Tokenizer(folder: settings.model)
    let digits = try TokenSpace.digits(of: tokenizer)
    encoder = ExampleEncoder(
      tokenizer, metrics: [MetricRule(MetricFinder(space: digits))], splitter: try DigitSplitter(tokenizer),
      end: tokenizer.roles.end)
    let match = try MetricMatch(
      digits, target: TargetDistribution(SquaredDistance(), temperature: .value(settings.temperature)),
      place: .number, contrast: .twoPass(radius: settings.radius))
    objective = try Objective(cell.preset, matches: [match], alpha: settings.alpha)
    model = try loadModel(folder: settings.model, options: LoadOptions(dtype: .float32, copying: true))
    try objective.check(vocabularySize: model.vocabularySize)
  }

  /// Trains and tests.
  func run(_ report: (WorkerMessage) -> Void) throws -> RegressionOutcome {
    let total = settings.work(of: cell), steps = settings.epochs(cell.count) * cell.count
    let training = try train { step in
      report(WorkerMessage(phase: "training", completed: step.step, total: total, loss: step.loss))
    }
    let start = monotonic()
    let answers = try test { tested in
      report(WorkerMessage(phase: "testing", completed: steps + tested / 20, total: total))
    }
    report(WorkerMessage(phase: "done", completed: total, total: total))
    return RegressionOutcome(
      cell: cell, answers: answers, truths: data.test.map(\.answer), steps: training.step,
      trainingSeconds: training.seconds, testingSeconds: monotonic() - start, losses: training.losses)
  }

  private func train(_ onStep: (StepMetrics) -> Void) throws -> FinishMetrics {
    let examples = try data.training.enumerated().map { index, problem in
      let source = "training problem \(index + 1)"
      let example = encoder.encode(prompt: problem.prompt, answer: problem.completion, source: source)
      try encoder.check(example.ids, source: source)
      return example
    }
    let seed = UInt64(cell.seed)
    let sampler = objective.neighbourSampler(seed: seed)
    let batches = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 1, seed: seed), twoPass: objective.needsNeighbourPass,
      neighbour: sampler.map { sampler in { sampler.neighbour(of: $0, epoch: $1, index: $2) } })
    let trainer = try withTorchErrors {
      Trainer(
        model, objective, AdamW(learningRate: settings.learningRate),
        options: TrainingOptions(
          length: .steps(settings.epochs(cell.count) * cell.count), schedule: .linear,
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

private func monotonic() -> Double { ProcessInfo.processInfo.systemUptime }
