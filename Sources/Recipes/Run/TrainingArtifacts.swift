// SPDX-License-Identifier: Apache-2.0
import Files
public import Objectives
public import Reports
public import TokenData
public import TokenModels
public import TorchNN
public import Training

/// Setup of a run for training: one of text (`RunArtifacts`), one of responses or against other models
/// (`ResponseArtifacts`), or one of image codes (`CodeRunArtifacts`).
public protocol TrainingArtifacts: Sendable {
  /// The run file.
  var settings: RunSettings { get }
  /// The model's folder.
  var modelFolder: String { get }
  var objective: Objective { get }
  /// Objective of a reward head; nil for models that answer, which are trained for `objective`.
  var rating: RatingObjective? { get }
  /// What is made small in training: that of the head, the model's, or one over whole responses.
  var trained: any TrainingObjective { get }
  /// Folder of the tokenizer that goes into each checkpoint; nil for none.
  var tokenizerFolder: String? { get }

  /// The examples of files, or of a folder of image codes.
  ///
  /// - Parameter limit: only so many, chosen by `train.seed`; nil for all.
  func examples(_ source: DataSource, limit: Int?, progress: (Int, Int) -> Void) throws -> any RunExamples

  /// Examples in batches, the way `train` says.
  ///
  /// - Parameters:
  ///   - shuffled: whether every epoch has an order of its own.
  ///   - share: which of each step's examples this process takes.
  ///   - references: other models that the run reads.
  func batches(
    _ examples: any RunExamples, shuffled: Bool, share: StepShare, beside references: RunReferences
  ) throws -> any BatchSource

  /// Readies the other models that a run reads.
  ///
  /// - Parameter data: the run's data by name, `train`, `valid`.
  func references(
    of model: any PretrainedModel, _ data: [(name: String, examples: any RunExamples)], _ folder: RunFolder,
    _ terminal: Terminal
  ) throws -> RunReferences

  /// A model as this run trains it, from one as it was published.
  func withHead(_ model: any PretrainedModel) throws -> any PretrainedModel

  /// Writes into a folder with the tokenizer how the model is asked, and what ends its answers.
  func saveAnswering(to folder: String) throws

  /// Samples of the model's progress.
  ///
  /// - Parameter longestAnswer: tokens of the longest answer of training and validation.
  func samples(_ examples: any RunExamples, longestAnswer: Int, _ folder: RunFolder) -> any ProgressSamples
}

extension TrainingArtifacts {
  /// The head's objective if there is one, else the model's.
  public var trained: any TrainingObjective { rating ?? objective }

  /// All examples in batches, of which no other model says anything.
  public func batches(_ examples: any RunExamples, shuffled: Bool) throws -> any BatchSource {
    try batches(examples, shuffled: shuffled, share: .whole, beside: RunReferences())
  }

  /// None.
  public func references(
    of model: any PretrainedModel, _ data: [(name: String, examples: any RunExamples)], _ folder: RunFolder,
    _ terminal: Terminal
  ) throws -> RunReferences { RunReferences() }
}

/// Training data of a run.
public protocol RunExamples: ExampleCollection, Sendable {
  /// Value found.
  var summary: DatasetSummary { get }
}

extension Dataset: RunExamples {}
extension CodeDataset: RunExamples {}

/// Puts a run file and its model's folder together.
///
/// - Throws: as `RunArtifacts`, `ResponseArtifacts` and `CodeRunArtifacts`.
public func trainingArtifacts(_ settings: RunSettings) throws -> any TrainingArtifacts {
  if settings.data.areCodes { return try CodeRunArtifacts(settings) }
  return settings.objective.choice.isOfTokens ? try RunArtifacts(settings) : try ResponseArtifacts(settings)
}

/// Shows now and then what the model can do, so that one sees early whether it learns what was meant.
public protocol ProgressSamples: AnyObject {
  /// Takes up what a run left before it was interrupted.
  func resume(after step: Int)
  /// Lets the model show what it can do, keeps it, and says so.
  func take(_ model: any TokenModel, step: Int, _ display: TrainDisplay) throws
  /// Adds a section to the run's page, if there is anything to show.
  func add(to page: inout HTMLReport)
}

extension [Int] {
  /// The steps that a page shows: the first, the last, and a few between.
  var spread: [Int] { count <= 6 ? self : (0..<6).map { self[$0 * (count - 1) / 5] } }
}
