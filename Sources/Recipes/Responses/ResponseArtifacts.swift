// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
public import Objectives
public import TokenData
public import TokenModels
import Torch
import TorchNN
public import Training

/// Setup of a run whose objective is over whole responses, or against other models.
public struct ResponseArtifacts: TrainingArtifacts {
  /// Model, tokenizer and template: what is asked and answered as in any other run.
  public let base: RunArtifacts
  /// The objective over whole responses; nil for those against other models.
  public let sequence: SequenceObjective?
  /// What is made small.
  public let trained: any TrainingObjective
  /// Where the reference model's log-probabilities come from; nil where none are read.
  public let mode: ReferenceMode?

  /// The run file.
  public var settings: RunSettings { base.settings }
  /// The model's folder.
  public var modelFolder: String { base.modelFolder }
  /// Cross entropy: what such a run has in common with others.
  public var objective: Objective { base.objective }
  /// None: the model answers.
  public var rating: RatingObjective? { nil }
  /// The model's folder.
  public var tokenizerFolder: String? { base.tokenizerFolder }

  /// Puts a run file and a model's folder together.
  ///
  /// - Throws: `InputError` naming the key of what does not fit.
  public init(_ settings: RunSettings) throws { try self.init(RunArtifacts(settings)) }

  /// As ``init(_:)``, with everything but the objective at hand.
  public init(_ base: RunArtifacts) throws {
    self.base = base
    let settings = base.settings, objective = settings.objective
    switch objective.choice {
    case .tokens(let preset):
      throw InputError(
        path: settings.path, place: "key objective.preset", expected: "an objective over responses",
        found: preset.rawValue)
    case .responses(let preset):
      let made = try settings.naming("objective.preset") {
        try objective.sequenceObjective(preset, critical: settings.teachers.positive.map { _ in .criticalTokens })
      }
      (sequence, trained, mode) = (made, made, try settings.referenceMode(made))
    case .distillation(let preset):
      let made = try settings.naming("objective.preset") { try objective.distillationObjective(preset) }
      (sequence, trained, mode) = (nil, made, try settings.referenceMode(made))
    }
    if let judged = settings.train.earlyStop?.measurement, !trained.measurementNames.contains(judged) {
      throw InputError(
        path: settings.path, place: "key train.earlyStop.by", expected: "a figure that the objective measures",
        found: "\(judged), which \(objective.choice.rawValue) does not", remedy: "Set by: loss.")
    }
  }

  /// The examples of a file; see ``TrainingArtifacts``.
  ///
  /// - Throws: `InputError` for a line that cannot be used, or says something else of responses than the objective reads.
  public func examples(
    _ source: DataSource, limit: Int?, progress: (Int, Int) -> Void
  ) throws -> any RunExamples {
    guard settings.readsResponses else { return try base.examples(source, limit: limit, progress: progress) }
    let dataset = try responses(source, limit: limit, progress: progress)
    if let sequence {
      for (index, example) in dataset.examples.enumerated() {
        try naming(dataset, index, expected: "numbers with the tokens that \(settings.objective.choice.rawValue) reads")
        {
          try sequence.check(example.responses?.tokens ?? [])
        }
      }
    }
    return dataset
  }

  /// The responses of a file.
  ///
  /// - Throws: as ``examples(_:limit:progress:)``.
  public func responses(
    _ source: DataSource, limit: Int? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> ResponseDataset {
    let data = settings.data
    let dataset = try ResponseDataset(
      source,
      ResponseDataset.Rules(
        reader: data.responseReader(sequence), encoder: base.encoder, maxLength: base.maxLength, tooLong: data.tooLong,
        skipBad: data.skipBad, limit: limit, seed: settings.train.seed),
      progress: progress)
    guard let sequence else { return dataset }
    for (index, example) in dataset.examples.enumerated() {
      guard let worth = example.responses?.worth else { continue }
      try naming(dataset, index, expected: "responses that \(settings.objective.choice.rawValue) reads") {
        try sequence.check(worth)
      }
    }
    return dataset
  }

  /// Errors of an example as those of its line.
  private func naming(_ dataset: ResponseDataset, _ index: Int, expected: String, _ check: () throws -> Void) throws {
    do { try check() } catch let error as ObjectiveError {
      let (path, place) = dataset.place(index)
      throw InputError(
        path: path, place: place, expected: expected, found: "others: it \(error.problem)", remedy: error.remedy)
    }
  }

  /// Examples in batches, with what other models say of them.
  public func batches(
    _ examples: any RunExamples, shuffled: Bool, share: StepShare, beside references: RunReferences
  ) throws -> any BatchSource {
    guard let dataset = examples as? ResponseDataset else {
      return try base.batches(examples, shuffled: shuffled, share: share, beside: references)
    }
    let train = settings.train
    let cache = references.caches[ObjectIdentifier(dataset)]
    let collection: any ExampleCollection = cache.map { ReferencedExamples(dataset, $0) } ?? dataset
    let source = ExampleBatches(
      collection, plan: BatchPlan(count: dataset.count, batch: train.batch, seed: train.seed, shuffled: shuffled),
      share: share,
      microBatch: train.microBatch, layout: train.layout, pad: base.pad)
    guard let reference = references.reference else { return source }
    return ReferencedBatches(source, reference: reference, mismatchedRewardsOf: references.policy, pad: base.pad)
  }

  /// The model as it is.
  public func withHead(_ model: any PretrainedModel) -> any PretrainedModel { model }

  /// How the model is asked, and what ends its answers.
  public func saveAnswering(to folder: String) throws { try base.saveAnswering(to: folder) }

  /// Answers to the prompts of the first examples, beside their best responses.
  public func samples(
    _ examples: any RunExamples, longestAnswer: Int, _ folder: RunFolder
  ) -> any ProgressSamples {
    guard let dataset = examples as? ResponseDataset else {
      return base.samples(examples, longestAnswer: longestAnswer, folder)
    }
    // A prompt may have several examples.
    var prompts = Set<[Int32]>(), chosen = [Int]()
    for index in 0..<dataset.count where chosen.count < settings.train.samples {
      if prompts.insert(dataset.examples[index].sharedPrompt).inserted { chosen.append(index) }
    }
    let answering = Answering(base, longestAnswer: longestAnswer)
    return TextSamples(answering, count: chosen.count, path: folder.samples) { index in
      let record = try dataset.record(chosen[index])
      return try answering.item(record.responses[record.worth.bestIndex])
    }
  }
}

extension ResponseDataset: ExampleCollection {}
extension ResponseDataset: RunExamples {}

extension EncodedExample {
  /// The tokens before the first that is learnt, which the prompt's responses share.
  var sharedPrompt: [Int32] { Array(ids[..<(supervised.firstIndex(of: true) ?? ids.count)]) }
}

extension Worth {
  /// The best response, or the only one.
  var bestIndex: Int {
    guard case .scores(let scores) = self else { return 0 }
    return scores.indices.max { (scores[$0], -$0) < (scores[$1], -$1) } ?? 0
  }
}

extension RunSettings {
  /// Where the reference model's log-probabilities come from.
  ///
  /// - Returns: nil where none are read.
  /// - Throws: `InputError` for a mode that objective or model do not allow.
  fileprivate func referenceMode(_ objective: any TrainingObjective) throws -> ReferenceMode? {
    // Of another model than the run's own, adapters are no difference.
    let hasAdapters = train.lora.map { $0.modulesToSave.isEmpty } ?? false && reference.model == nil
    let mode: ReferenceMode? = try naming("reference.mode") {
      if reference.mode == .withoutAdapters, reference.model != nil {
        throw ObjectiveError(
          "reference", "another model than the run's own has no adapters of it", remedy: "Set reference.mode: twin.")
      }
      if reference.mode == .withoutAdapters, train.lora?.modulesToSave.isEmpty == false {
        throw ObjectiveError(
          "reference", "what is trained beside adapters (train.lora.modulesToSave) cannot be turned off",
          remedy: "Set reference.mode: twin.")
      }
      if let sequence = objective as? SequenceObjective {
        return try reference.mode.resolved(for: sequence, hasAdapters: hasAdapters)
      }
      guard objective.referenceModels.contains(SequenceObjective.reference) else { return nil }
      switch reference.mode {
      case .precomputed:
        throw ObjectiveError(
          self.objective.choice.rawValue, "reads more of the reference model than log-probabilities of the responses",
          remedy: "Set reference.mode: twin.")
      case .withoutAdapters where !hasAdapters:
        throw ObjectiveError(
          self.objective.choice.rawValue, "no adapters are trained", remedy: "Set reference.mode: twin.")
      case .auto: return hasAdapters ? .withoutAdapters : .twin
      case .twin, .withoutAdapters: return reference.mode
      }
    }
    guard mode == nil, reference != ReferenceSettings() else { return mode }
    throw InputError(
      path: path, place: "key reference", expected: "an objective that reads a reference model",
      found: "\(self.objective.choice.rawValue), which reads none", remedy: "Leave it out.")
  }
}
