// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
public import Objectives
public import TokenData
public import TokenModels
import Torch
import TorchNN
public import Training

/// Everything that a run over image codes sets up before weights are read: the model's sizes, the distance between
/// codes, the objective.
public struct CodeRunArtifacts: TrainingArtifacts {
  /// The run file.
  public let settings: RunSettings
  /// The model's folder.
  public let modelFolder: String
  /// What is made small in training.
  public let objective: Objective
  /// The distance of codes as `dist` would have it; none if the run file names none.
  public let distanceLosses: [DistanceLoss]
  private let sizes: CodeDataset.Sizes

  /// None: such models have no head of scores.
  public var rating: RatingObjective? { nil }
  /// None: nothing is text.
  public var tokenizerFolder: String? { nil }

  /// Puts a run file and a model's folder together.
  ///
  /// - Throws: `InputError` for a model that draws no images, or a metric that is not of all its codes or does
  ///   not fit besides.
  public init(_ settings: RunSettings) throws {
    let settings = try settings.checked()
    self.settings = settings
    modelFolder = try Recipes.modelFolder(settings.model)
    let described = try describeModel(folder: modelFolder)
    guard let model = described as? any ClassConditionalModel else {
      throw InputError(
        path: settings.path, place: "key data.format", expected: "a model of image codes, such as LlamaGen's",
        found: "codes for \(type(of: described))", remedy: "Text has another data.format: docs/run-files.md.")
    }
    sizes = CodeDataset.Sizes(
      codes: Int(model.token(ofClass: 0)), classes: model.classes, length: model.codesPerImage)
    guard settings.objective.preset.rating == nil, settings.objective.preset != .emo, settings.reward == nil else {
      throw InputError(
        path: settings.path, place: "key objective.preset", expected: "an objective of models that draw",
        found: settings.objective.preset.rawValue)
    }
    try Self.check(settings, sizes)
    let book = settings.data.tokenizer, codes = sizes.codes
    distanceLosses = try settings.distanceLosses(codeBook: book) { try .all(codes, name: $0.name) }
    objective = try settings.objective(distanceLosses, vocabularySize: codes) {
      preconditionFailure("no objective of image codes reads output embeddings")
    }
  }

  private static func check(_ settings: RunSettings, _ sizes: CodeDataset.Sizes) throws {
    guard let metric = settings.metrics.first else { return }
    guard settings.metrics.count == 1, metric.tokens == .codebook(first: 0, count: sizes.codes) else {
      throw InputError(
        path: settings.path, place: "key metrics", expected: "one metric of all \(sizes.codes) codes",
        found: settings.metrics.count == 1 ? "other tokens" : "\(settings.metrics.count) metrics",
        remedy: "tokens: { codebook: { count: \(sizes.codes) } }")
    }
  }

  /// The examples of a file or folder; see ``TrainingArtifacts``.
  public func examples(
    _ source: DataSource, limit: Int?, progress: (Int, Int) -> Void
  ) throws -> any RunExamples {
    try CodeDataset(source.path, sizes, metrics: settings.metrics.count, limit: limit, seed: settings.train.seed)
  }

  /// Examples in batches, the way `train` says.
  public func batches(
    _ examples: any RunExamples, shuffled: Bool, share: StepShare, beside references: RunReferences
  ) throws -> any BatchSource {
    let train = settings.train
    // All images have as many codes, so nothing is padded.
    return PrefetchedBatches(
      ExampleBatches(
        examples,
        plan: BatchPlan(count: examples.count, batch: train.batch, seed: train.seed, shuffled: shuffled), share: share,
        microBatch: train.microBatch))
  }

  /// The model as it is.
  public func withHead(_ model: any PretrainedModel) -> any PretrainedModel { model }

  /// Nothing: such models are asked by class.
  public func saveAnswering(to folder: String) {}

  /// Shows now and then how far the model is.
  public func samples(_ examples: any RunExamples, longestAnswer: Int, _ folder: RunFolder) -> any ProgressSamples {
    ImageSamples(
      tokenizer: settings.data.tokenizer, count: settings.train.samples, seed: settings.train.seed,
      folder: folder.path + "/samples")
  }
}
