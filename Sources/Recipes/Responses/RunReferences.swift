// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
public import Reports
import TokenData
public import TokenModels
import Torch
import TorchNN
import Training

/// The other models of a run while it trains, and what was computed of them before.
public struct RunReferences {
  /// Models whose states the objective reads, by its names for them.
  var models: [String: ReferenceModel] = [:]
  /// Model that is asked for the log-probabilities of each batch.
  var reference: ReferenceModel?
  /// The trained model, where responses to other prompts are asked of it (KTO).
  var policy: (any TokenModel)?
  /// Log-probabilities that were computed before, by data set.
  var caches: [ObjectIdentifier: ReferenceCache] = [:]

  /// None.
  public init() {}

  /// Whether a reference model is read in any way.
  var hasReference: Bool {
    reference != nil || !caches.isEmpty || models[SequenceObjective.reference] != nil
  }
}

extension ResponseArtifacts {
  /// Readies the other models; log-probabilities that are computed before the run are computed as far as they are
  /// missing.
  ///
  /// - Parameters:
  ///   - data: the run's data by name, `train`, `valid`.
  ///   - folder: of the run.
  /// - Throws: `InputError` for a model that cannot be loaded or has another vocabulary, and for log-probabilities in
  ///   the folder that were computed from something else.
  public func references(
    of model: any PretrainedModel, _ data: [(name: String, examples: any RunExamples)], _ folder: RunFolder,
    _ terminal: Terminal
  ) throws -> RunReferences {
    var references = RunReferences()
    if let mode {
      terminal.note("reference model: \(description(of: mode, folder))")
      switch mode {
      case .withoutAdapters: take(.withoutAdapters(model), model, &references)
      case .twin: take(.twin(try loadReference()), model, &references)
      case .precomputed, .auto:
        for (name, examples) in data {
          guard let dataset = examples as? ResponseDataset else { continue }
          references.caches[ObjectIdentifier(dataset)] = try precomputed(dataset, name, folder, terminal)
        }
      }
    }
    for (name, other) in settings.teachers.models {
      terminal.note("\(name): \(other)")
      references.models[name] = .twin(try load(other, settings.train.dtype, as: "teachers.\(name)"))
    }
    return references
  }

  private func take(_ reference: ReferenceModel, _ model: any TokenModel, _ references: inout RunReferences) {
    if trained.referenceModels.contains(SequenceObjective.reference) {
      references.models[SequenceObjective.reference] = reference
    } else {
      references.reference = reference
    }
    if sequence?.needsMismatchedRewards == true { references.policy = model }
  }

  /// How the mode is said aloud.
  func description(of mode: ReferenceMode, _ folder: RunFolder) -> String {
    let preset = settings.objective.choice.rawValue
    let model = settings.reference.model ?? "the model that the run starts from"
    let chosen = settings.reference.mode == .auto ? " (reference.mode: auto)" : ""
    return switch mode {
    case .withoutAdapters: "the trained model without its adapters, no memory of its own\(chosen)"
    case .twin:
      "\(model), frozen beside the trained one\(chosen)"
        + (sequence?.needsDivergence == true || sequence == nil
          ? ": \(preset) reads its whole distribution"
          : sequence?.needsMismatchedRewards == true ? ": \(preset) asks it for other pairs at each step" : "")
    case .precomputed, .auto:
      "\(model), its log-probabilities computed once and kept in \(referenceFolder(folder))\(chosen)"
    }
  }

  // MARK: Models

  /// The reference model.
  ///
  /// - Parameter dtype: nil for the type that the trained one computes in.
  func loadReference(dtype: DType? = nil) throws -> any TokenModel {
    let dtype = dtype ?? settings.train.dtype
    return try settings.reference.model.map { try load($0, dtype, as: "reference.model") } ?? startingModel(dtype)
  }

  /// The model that the run starts from.
  private func startingModel(_ dtype: DType) throws -> any TokenModel {
    let train = settings.train
    if train.fromScratch {
      let model = try describeModel(folder: modelFolder)
      try withTorchErrors {
        model.initialise(
          generator: Generator(seed: train.seed, device: train.device), dtype: dtype, device: train.device)
      }
      return model
    }
    return try settings.startingModel(
      folder: modelFolder, options: LoadOptions(dtype: dtype, device: train.device))
  }

  private func load(_ name: String, _ dtype: DType, as key: String) throws -> any TokenModel {
    let choice = try ModelChoice(name, overrides: ["train.device=\(settings.train.device)"])
    let model = try choice.load(dtype: dtype)
    guard model.vocabularySize == base.modelVocabulary else {
      throw InputError(
        path: settings.path, place: "key \(key)", expected: "a model of the same \(base.modelVocabulary) tokens",
        found: "\(model.vocabularySize) in \(name)", remedy: "Both read the same ids, so they need one tokenizer.")
    }
    return model
  }

  // MARK: Start

  /// The root mean square of log π/π_ref over the responses of the first step, before anything is learnt.
  ///
  /// - Returns: nil where no reference model is read.
  /// - Throws: `InputError` if the reference model is the one that the run starts from and says something else.
  func startingLogRatio(
    _ model: any TokenModel, _ source: any BatchSource, _ references: RunReferences
  ) throws -> (rootMeanSquare: Double, responses: Int)? {
    guard references.hasReference else { return nil }
    var squares = 0.0, count = 0
    for batch in try source.batches(ofStep: 0) {
      let own = try ReferenceModel.twin(model).logProbabilities(of: batch)
      let asked = try references.models[SequenceObjective.reference]?.logProbabilities(of: batch)
      for document in batch.supervision.documents {
        guard let reference = asked.map({ Array($0[document.tokens]) }) ?? document.values.reference else { continue }
        let ratio = zip(own[document.tokens], reference).reduce(0) { $0 + Double($1.0) - Double($1.1) }
        (squares, count) = (squares + ratio * ratio, count + 1)
      }
    }
    guard count > 0 else { return nil }
    let rootMeanSquare = (squares / Double(count)).squareRoot()
    let limit = settings.train.dtype == .float32 ? 0.01 : 1
    guard settings.reference.model != nil || rootMeanSquare <= limit else {
      throw InputError(
        path: settings.path, place: "key reference",
        expected: "a reference model that is the one the run starts from: log-ratios of 0 before the first step",
        found: "a root mean square of \(rootMeanSquare)",
        remedy: "Remove the log-probabilities that were computed before, or set reference.mode: twin.")
    }
    return (rootMeanSquare, count)
  }
}
