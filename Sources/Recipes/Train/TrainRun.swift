// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
public import TokenData
package import TokenModels
public import Torch
import TorchNN
public import Training

/// One run of `dist2 train`: reads, checks, trains, samples, keeps, reports.
public final class TrainRun {
  /// Told of everything that happens, after it was recorded.
  public var observe: (TrainingEvent) throws -> Void = { _ in }
  /// Asked between two steps.
  public var shouldStop: () -> Bool = { Interruption.isRequested }

  /// The run file and what it came to.
  public let artifacts: any TrainingArtifacts
  /// Where everything goes.
  public let folder: RunFolder
  /// Where it speaks: nowhere, if this is not the first of several processes.
  public let terminal: Terminal
  /// Whether this process says, writes and keeps what there is: of several the first.
  public var isFirst: Bool { group.isFirst }
  private let command: String
  private let group: ProcessGroup?
  /// The run's folder, which no other run may write to meanwhile.
  private var hold: FileLock?

  /// - Parameters:
  ///   - command: what the user typed, for the report.
  ///   - group: the processes that share its steps; nil for one alone.
  public init(
    _ artifacts: any TrainingArtifacts, command: String, terminal: Terminal = .standardError, group: ProcessGroup? = nil
  ) {
    self.artifacts = artifacts
    folder = RunFolder(artifacts.settings.output)
    self.command = command
    self.group = group
    self.terminal = group.isFirst ? terminal : .silent
  }

  /// Writes the run's page once more; nil before the run has begun.
  private var report: ((FinishMetrics, (inout HTMLReport) -> Void) throws -> Void)?

  /// Writes the run's page anew, with more at its beginning.
  public func writeReport(_ finish: FinishMetrics, with more: (inout HTMLReport) -> Void) throws {
    try report?(finish, more)
  }

  /// Whether checkpoints are written (and gone on from) in the run's folder.
  public var keepsCheckpoints = true

  /// Trains to the end, or until it is asked to stop; goes on where an earlier run of the same file stopped.
  ///
  /// - Throws: `InputError` for data, model or folder; `TrainingError` before an update that would destroy the model.
  public func run() throws -> FinishMetrics { try train().finish }

  /// As ``run()``, with the model as the last step left it. A run that cannot begin leaves nothing.
  package func train() throws -> (finish: FinishMetrics, model: any PretrainedModel) {
    let wasThere = fileExists(folder.path)
    defer { hold = nil }
    do { return try trained() } catch {
      // Before it holds the folder, what lies there is another run's.
      if hold != nil, folder.hasNotBegun { folder.forget(keepingFolder: wasThere) }
      throw error
    }
  }

  private func trained() throws -> (finish: FinishMetrics, model: any PretrainedModel) {
    let settings = artifacts.settings
    guard let trainFile = settings.data.train else {
      throw InputError(
        path: settings.path, place: "key data.train", expected: "something to train on", found: "no such key",
        remedy: "Add `data: { train: train.jsonl }`.")
    }
    try settings.requireDevice()
    try requireSharable()
    try group?.agree(on: settings)
    let train = try read(trainFile, limit: settings.data.limit)
    let valid = try settings.data.valid.map { try read($0) }
    try requireMetrics(train.summary)
    try group?.agree(
      on: [("data.train", train), ("data.valid", valid)].compactMap { key, data in data.map { (key, $0.summary) } })
    if isFirst { try begin(train, valid) }

    let model = try makeModel()
    try group?.agree(on: model)
    let trainer = try makeTrainer(model)
    trainer.shouldStop = shouldStop
    let data = [("train", train)] + (valid.map { [("valid", $0)] } ?? [])
    let references = try artifacts.references(of: model, data, folder, terminal)
    trainer.referenceModels = references.models
    let share = group.map { StepShare(rank: $0.rank, of: $0.size) } ?? .whole
    let source = try artifacts.batches(train, shuffled: true, share: share, beside: references)
    let every = settings.train.validateEvery ?? source.plan.stepsPerEpoch
    let validation = try valid.map {
      try Validation(
        artifacts.batches($0, shuffled: false, share: share, beside: references), stepsBetween: every,
        earlyStop: settings.train.earlyStop)
    }
    guard isFirst else { return (try trainer.fit(source, validation: validation), model) }

    let steps = settings.train.length.steps(of: source.plan)
    let checkpoints = try keepsCheckpoints ? self.checkpoints(model) : nil
    let longestAnswer = [train, valid].compactMap { $0?.summary.longestAnswer }.max() ?? 0
    let samples = artifacts.samples(valid ?? train, longestAnswer: longestAnswer, folder)
    // Runs that keep nothing, those of comparisons, are tested when they end.
    let probe = keepsCheckpoints ? try TaskErrorProbe(artifacts, valid, longestAnswer: longestAnswer) : nil
    let moments = SampleMoments(steps: steps, every: settings.train.sampleEvery ?? every)
    let recorder = TrainingRecorder(folder: folder.path)
    let page = TrainReport(
      artifacts: artifacts, folder: folder, command: command, data: [train, valid].compactMap { $0?.summary })
    report = { try page.write(samples, $0, also: $1) }

    let display = TrainDisplay(steps: steps, terminal: terminal)
    do {
      let finish = try trainer.fit(
        source, validation: validation, checkpoints: checkpoints
      ) { event in
        try recorder.record(event)
        display.show(event)
        switch event {
        case .started(let start):
          samples.resume(after: start.step)
          if start.step == 0 {
            try noteStart(model, source, references, recorder, display)
            try samples.take(model, step: 0, display)
          }
        case .step(let step) where moments.isDue(step.step):
          try samples.take(model, step: step.step, display)
        case .validation(let result):
          if let probe {
            let figures = try probe.measure(model)
            try recorder.record(step: result.step, figures)
            if let text = TaskErrorProbe.text(figures, of: probe.count) { display.note("step \(result.step): \(text)") }
          }
          try page.write(samples, nil)
        case .checkpoint: try page.write(samples, nil)
        default: break
        }
        try observe(event)
      }
      try page.write(samples, finish)
      display.end(finish)
      return (finish, model)
    } catch {
      display.fail(error)
      throw error
    }
  }

  /// The folder of the checkpoint to use afterwards: the best by validation, else the last.
  public func chosenCheckpoint(_ finish: FinishMetrics) -> String {
    "\(folder.checkpoints)/step-\(finish.best?.step ?? finish.step)"
  }

  /// Takes hold of the run's folder, and says what is remarkable.
  private func begin(_ train: any RunExamples, _ valid: (any RunExamples)?) throws {
    hold = try folder.hold()
    let prints = fingerprints([train, valid].compactMap { $0 })
    if let longer = try folder.claim(artifacts.settings, fingerprints: prints) { terminal.note(longer) }
    if let artifacts = artifacts as? RunArtifacts, artifacts.rating == nil { try folder.storeNumbers(artifacts) }
    try say(train, valid)
  }

  /// Several processes exchange what is in the memory of processors.
  private func requireSharable() throws {
    let settings = artifacts.settings
    guard group != nil else { return }
    guard settings.objective.choice.isOfTokens else {
      throw InputError(
        path: settings.path, place: "key objective.preset", expected: "an objective of tokens, with several processes",
        found: settings.objective.choice.rawValue,
        remedy: "Train it by one process: what is read of whole responses is not shared yet.")
    }
    guard settings.train.device != .cpu else { return }
    throw InputError(
      path: settings.path, place: "key train.device", expected: "cpu, with several processes",
      found: "\(settings.train.device)", remedy: "Train on a GPU by one process: GPUs do not share steps yet.")
  }

  private func makeTrainer(_ model: any PretrainedModel) throws -> Trainer {
    let train = artifacts.settings.train
    // The optimizer's state is reserved here.
    return try withTorchErrors {
      Trainer(
        model, artifacts.trained,
        AdamW(
          learningRate: train.learningRate, betas: (train.betas[0], train.betas[1]), weightDecay: train.weightDecay,
          groups: [.vectorsWithoutDecay], stateBits: train.stateBits),
        options: TrainingOptions(
          length: train.length, schedule: train.schedule, gradientNormLimit: train.clip,
          dtype: train.dtype == .float32 ? nil : train.dtype, seed: train.seed),
        reducer: group.map { DistributedReducer($0, sharding: train.sharding) } ?? SingleProcess())
    }
  }

  /// The model with its weights, ready to be trained: adapters added, parts frozen.
  private func makeModel() throws -> any PretrainedModel {
    let settings = artifacts.settings.train
    try artifacts.settings.requireMemory(
      artifacts.modelFolder, processes: group?.size ?? 1, here: group?.countHere() ?? 1)
    let model = try artifacts.withHead(settings.fromScratch ? randomlyInitializedModel() : publishedModel())
    if var lora = settings.lora {
      lora.base = artifacts.modelFolder
      try model.addLoRA(lora, seed: settings.seed, path: "\(artifacts.settings.path): train.lora")
    } else if !settings.freeze.isEmpty {
      model.unfreeze()
      try model.freeze(matching: settings.freeze)
    }
    model.checkpointsActivations = settings.checkpointsActivations
    return model
  }

  private func publishedModel() throws -> any PretrainedModel {
    let settings = artifacts.settings
    return try settings.startingModel(
      folder: artifacts.modelFolder,
      // What is split is copied when it is: until then it may stay in the file.
      options: LoadOptions(
        dtype: .float32, device: settings.train.device,
        copying: group == nil || settings.train.sharding != .parameters, checkingValues: true),
      terminal: terminal)
  }

  private func randomlyInitializedModel() throws -> any PretrainedModel {
    let device = artifacts.settings.train.device, model = try describeModel(folder: artifacts.modelFolder)
    try withTorchErrors {
      model.initialise(
        generator: Generator(seed: artifacts.settings.train.seed, device: device), dtype: .float32, device: device)
    }
    return model
  }

  /// Says how far the model is from its reference model before anything is learnt, which should be nowhere.
  private func noteStart(
    _ model: any PretrainedModel, _ source: any BatchSource, _ references: RunReferences,
    _ recorder: TrainingRecorder, _ display: TrainDisplay
  ) throws {
    guard let artifacts = artifacts as? ResponseArtifacts,
      let found = try artifacts.startingLogRatio(model, source, references)
    else { return }
    try recorder.record(step: 0, [("start/log_ratio_rms", found.rootMeanSquare)])
    display.note(
      "before the first step, log π/π_ref of \(found.responses) responses: root mean square "
        + "\(Quantity.number(found.rootMeanSquare))")
  }

  private func checkpoints(_ model: any PretrainedModel) throws -> Checkpoints {
    let settings = artifacts.settings.train
    return try Checkpoints(folder.checkpoints, stepsBetween: settings.checkpointEvery, keepLast: settings.keep) {
      [artifacts] folder in
      try model.saveCompanions(to: folder, tokenizer: artifacts.tokenizerFolder)
      try artifacts.saveAnswering(to: folder)
    }
  }

  private func read(_ source: DataSource, limit: Int? = nil) throws -> any RunExamples {
    let name = URL(fileURLWithPath: source.path).lastPathComponent
    return try ProgressBar.quick("reading \(name)", unit: "line", terminal: terminal) { progress in
      try artifacts.examples(source, limit: limit, progress: progress)
    }
  }

  private func fingerprints(_ datasets: [any RunExamples]) -> [String: UInt64] {
    Dictionary(datasets.map { ($0.summary.path, $0.summary.fingerprint) }) { $1 }
  }

  /// A metric without a token would make its objective cross entropy alone, silently.
  private func requireMetrics(_ summary: DatasetSummary) throws {
    for (metric, counts) in zip(artifacts.settings.metrics, summary.metrics)
    where counts.tokens == 0 && !artifacts.objective.terms.isEmpty {
      throw InputError(
        path: summary.path, place: "metric \(metric.name)", expected: "a metric token in at least one answer",
        found: "none in \(summary.examples) examples (\(counts.numbers) numbers)",
        remedy: "See what the tokenizer makes of them: dist2 inspect \(artifacts.settings.path).")
    }
  }

  private func say(_ train: any RunExamples, _ valid: (any RunExamples)?) throws {
    var said = Set<String>()
    let all = [train, valid].compactMap { $0 }
    let coverage = try (artifacts as? RunArtifacts).map { artifacts in
      try all.flatMap { try artifacts.coverageRemarks($0, path: $0.summary.path) }
    }
    let settings =
      (artifacts as? RunArtifacts)?.settingsRemarks ?? (artifacts as? ResponseArtifacts)?.remarks ?? []
    for line in settings + all.flatMap({ $0.summary.remarks(artifacts.settings) }) + (coverage ?? [])
    where said.insert(line).inserted {
      terminal.note(line)
    }
  }
}

/// When the model is to show what it can do: early, and then regularly.
struct SampleMoments {
  let steps: Int
  let every: Int

  func isDue(_ step: Int) -> Bool {
    step == min(10, max(1, steps / 10)) || step.isMultiple(of: every) || step == steps
  }
}

extension DatasetSummary {
  /// Remarks on a file: what was left out or cut, and what metrics did not find.
  public func remarks(_ settings: RunSettings) -> [String] {
    let name = URL(fileURLWithPath: path).lastPathComponent
    var remarks = [String]()
    if skippedCount > 0 {
      let first = skipped.prefix(3).map { "line \($0.line)" }.joined(separator: ", ")
      remarks.append(
        "\(name): \(skippedCount) of \(self.lines) lines left out (\(first)\(skippedCount > 3 ? ", …" : ""))")
    }
    if cut > 0 {
      let what = settings.data.tooLong == .cutPrompt ? "the beginning of their prompt" : "the end of their answer"
      remarks.append("\(name): \(cut) examples are too long and lost \(what)")
    }
    if rendered > 0 { remarks += templateRemarks }
    if doubled > 0 {
      remarks.append(
        "\(name): the texts of \(doubled) examples hold marks that template or tokenizer write as well (the first: "
          + "\(doubledToken ?? "?")): take them out of the texts")
    }
    for (metric, counts) in zip(settings.metrics, metrics) {
      if counts.examples < examples {
        remarks.append(
          "\(name): metric \(metric.name) finds nothing in \(examples - counts.examples) of \(examples) examples")
      }
      if counts.uncovered > 0 {
        let texts = counts.uncoveredTexts.map { "\"\($0)\"" }.joined(separator: ", ")
        remarks.append(
          "\(name): \(counts.uncovered) tokens with digits (\(texts)) are no candidates of metric \(metric.name) and are "
            + "learnt by cross entropy alone")
      }
    }
    if let grammar = settings.numberGrammar {
      remarks += numbers.remarks(
        // Marks and spans hold numbers of several kinds.
        grammar, of: "answers", comparesDecimals: settings.metrics.allSatisfy { $0.region == .answer }
      ).map { "\(name): \($0)" }
    }
    return remarks
  }
}
