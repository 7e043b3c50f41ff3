// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
public import Reports

/// An experiment: settings as a value, shared artifacts, a grid of runs, and what they show.
///
/// Everything else is common: ``ExperimentFolder`` keeps the settings and the outcome of each run, runs what is missing
/// side by side in processes of their own, and writes the report as text, Markdown, HTML and JSON.
///
/// To add one: a type that conforms (its stored properties are its settings), a line in ``experiments``, and a
/// `ReproduceOptions` in the command line target that makes it from options.
public protocol Experiment: Codable, Sendable, Equatable {
  /// Result of an artifact stage.
  associatedtype Artifact: Codable = NoArtifact
  /// Outcome of a run of the grid: all that the report needs, since nothing else is read again.
  associatedtype Outcome: Codable

  /// `regression`, as processes of single runs name it.
  static var name: String { get }

  /// Whether runs have the machine for themselves, since they measure time.
  static var runsAlone: Bool { get }
  /// Whether all variants of a seed and condition run in one process, since a process costs as much as a run.
  static var sharesProcesses: Bool { get }

  /// Variants, factors and seeds. The common options `--variants`, `--sizes` and `--seeds` set them.
  var grid: Grid { get set }
  /// Names of all variants that the grid may have.
  var variants: [String] { get }
  /// Further words of `--variants`, each for several.
  static var variantSets: [String: [String]] { get }

  /// Settings that hold this experiment's runs and another's, so that a folder takes more of them; nil where their runs
  /// must not be mixed.
  func joined(with other: Self) -> Self?

  /// What must be said of a folder of these settings for which others are asked, whose report takes the place of the one
  /// there; nil where that is of the same.
  func remark(beside asked: Self) -> String?

  /// Checks values that a user can set, beyond those of the grid.
  ///
  /// - Throws: `InputError` naming the option.
  func check() throws
  /// Checks what is read from elsewhere, before a folder is taken for the experiment.
  func checkInputs() throws

  /// Makes files that every process reads, such as data; called once before the stages, in one process.
  func prepare(in folder: String, _ terminal: Terminal) throws
  /// Stages before the grid, in order.
  var stages: [ArtifactStage] { get }
  /// Makes one artifact of a stage.
  func makeArtifact(_ context: RunContext) throws -> Artifact

  /// Steps of a run, where they are known beforehand; else progress counts runs.
  func work(_ run: GridRun) -> Int?
  /// One run of the grid, in a process of its own.
  func run(_ run: GridRun, _ context: RunContext) throws -> Outcome

  /// Findings of the finished runs.
  ///
  /// - Parameter artifacts: those that are finished, by name.
  func report(_ results: Results<Outcome>, _ artifacts: [String: Artifact]) throws -> ExperimentReport
}

extension Experiment {
  /// Runs go side by side.
  public static var runsAlone: Bool { false }
  /// A process a run.
  public static var sharesProcesses: Bool { false }
  /// No further words.
  public static var variantSets: [String: [String]] { [:] }
  /// Those that differ in seeds and variants alone.
  public func joined(with other: Self) -> Self? {
    var mine = self, theirs = other
    guard let grid = mine.grid.joined(with: theirs.grid) else { return nil }
    (mine.grid, theirs.grid) = (grid, grid)
    return mine == theirs ? mine : nil
  }

  /// Variants and seeds that the folder holds besides.
  public func remark(beside asked: Self) -> String? { grid.remark(beside: asked.grid) }

  /// Nothing to check beyond the grid.
  public func check() throws {}
  /// Nothing is read from elsewhere.
  public func checkInputs() throws {}
  /// No shared files.
  public func prepare(in folder: String, _ terminal: Terminal) throws {}
  /// No stages.
  public var stages: [ArtifactStage] { [] }
  /// Steps are not known beforehand.
  public func work(_ run: GridRun) -> Int? { nil }

  /// Checks the grid and everything else that a user can set.
  ///
  /// - Throws: `InputError` naming the option.
  public func validate() throws {
    try grid.check(known: variants)
    try check()
  }
}

extension Experiment where Artifact == NoArtifact {
  /// Never called: there are no stages.
  public func makeArtifact(_ context: RunContext) throws -> NoArtifact { NoArtifact() }
}

/// The artifact of an experiment that has none.
public struct NoArtifact: Codable, Sendable {}

/// Runs before the grid that make what all or several of its runs share: a tokenizer, a pretrained model.
public struct ArtifactStage: Sendable {
  /// Title of the progress bar.
  public var title: String
  /// Names of its runs, done side by side.
  public var runs: [String]
  /// Steps of each; nil where they are not known beforehand.
  public var work: Int?

  /// Memberwise.
  public init(_ title: String, runs: [String], work: Int? = nil) {
    (self.title, self.runs, self.work) = (title, runs, work)
  }
}

/// Every experiment, for the process that runs one run of one of them.
public let experiments: [any Experiment.Type] = [
  RegressionExperiment.self, RewardExperiment.self, GroundingExperiment.self, ManipulationExperiment.self,
  ImageExperiment.self, GradientExperiment.self, OverheadExperiment.self, ComparisonExperiment.self,
  StudyExperiment.self,
]

/// Executes runs of an experiment's folder, one after the other, and keeps their outcomes; tells its progress on standard
/// output.
///
/// - Throws: `InputError` for an experiment, folder or run that is not there, and what the run throws.
public func runExperiment(_ name: String, runs: [String], folder: String, threads: Int) throws {
  guard let experiment = experiments.first(where: { $0.name == name }) else {
    throw InputError(
      path: "<arguments>", place: "experiment", expected: experiments.map { $0.name }.joined(separator: ", "),
      found: name)
  }
  try execute(experiment, runs, folder, threads)
}

private func execute<E: Experiment>(_ type: E.Type, _ runs: [String], _ folder: String, _ threads: Int) throws {
  let folder = try ExperimentFolder<E>(folder)
  for (index, run) in runs.enumerated() {
    // Runs that share a process are counted, one alone is followed step by step.
    try folder.run(one: run, threads: threads) { message in if !E.sharesProcesses { message.send() } }
    if E.sharesProcesses { WorkerMessage(phase: run, completed: index + 1, total: runs.count).send() }
  }
}
