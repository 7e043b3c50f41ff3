// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Objectives

/// The toy experiment: the protocol of 3.1 and D.3 with the readings Q9 and Q14 to Q19 of docs/paper-map.md.
public struct RegressionExperiment: Experiment {
  /// `regression`, as `dist2 reproduce` and its processes name it.
  public static let name = "regression"

  /// Which of the paper's two tables is redone.
  public enum Table: String, Codable, Sendable, CaseIterable {
    /// Table 11: objectives against the number of training problems.
    case regression
    /// Table 5: the parts of `dist`, each left out, at N = 10.
    case ablation
  }
  /// How much of it.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// A few minutes on two cores: what `dist2 demo --paper` runs.
    case small
    /// The paper's seeds, sizes and 1,000 test problems.
    case paper
  }

  /// The table that is redone.
  public var table: Table
  /// Folder of the model.
  public var model: String
  /// Objectives, numbers N of training problems, and seeds of the problems, their order and their contrastive examples.
  public var grid: Grid
  /// Test problems of each seed.
  public var testProblems: Int
  /// Samples seen in training, whatever N is: round(samples / N) epochs of N.
  public var samples = 250  // the paper: "about 250"
  /// Peak learning rate; falls linearly to 0 without warm-up.
  public var learningRate = 2e-5
  /// Largest norm of a step's gradient.
  public var clip = 1.0
  /// α
  public var alpha = 0.1
  /// τ of the squared distance between digits.
  public var temperature = 2.0
  /// Largest |x − x̄| of a contrastive example, in units of the last decimal.
  public var radius = 1

  /// The settings of a table at a scale.
  public init(_ table: Table, _ scale: Scale, model: String) {
    (self.table, self.model) = (table, model)
    let presets: [Preset] = table == .regression ? [.sft, .vocab, .dist] : Preset.ablations
    let (counts, seeds) =
      switch (table, scale) {
      case (_, .small): ([10], [1])
      case (.regression, .paper): (Array(1...10), Array(1...5))
      case (.ablation, .paper): ([10], Array(1...10))
      }
    grid = Grid(
      presets.map(\.rawValue), by: [Grid.Factor("n", "training problems N", counts, in: 1...10)], seeds: seeds)
    testProblems = scale == .small ? 200 : 1000
    if scale == .small { samples = 150 }
  }

  /// Names of all variants that the grid may have: objectives, and `dist α 1`.
  public var variants: [String] { RegressionVariant.all.map(\.name) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require((1...1_000_000).contains(testProblems), "--problems", "1…1,000,000 test problems", testProblems)
    try require((1...1_000_000_000).contains(samples), "--samples", "1…1,000,000,000 samples", samples)
    try require(learningRate > 0 && learningRate.isFinite, "--learning-rate", "a number above 0", learningRate)
    try require(temperature >= 0 && temperature.isFinite, "--temperature", "a number ≥ 0", temperature)
    try require(alpha >= 0 && alpha.isFinite, "--alpha", "a number ≥ 0", alpha)
  }

  /// Passes over the training problems.
  public func epochs(_ count: Int) -> Int { max(1, (samples + count / 2) / count) }
  /// Optimizer steps of a run, one a problem.
  func steps(_ run: GridRun) -> Int { epochs(run.count) * run.count }
  /// Steps, and the test as a quarter of them, as its training tells it.
  public func work(_ run: GridRun) -> Int? { steps(run) + steps(run) * 25 / 100 + 1 }

  /// One run of the grid: trains, then tests.
  public func run(_ run: GridRun, _ context: RunContext) throws -> RegressionOutcome {
    try RegressionRun(self, run, context).outcome()
  }
  /// Tables, figures and claims of the runs that are finished.
  public func report(
    _ results: Results<RegressionOutcome>, _ artifacts: [String: NoArtifact]
  ) throws -> ExperimentReport { RegressionReport(settings: self, results: results).report }
}

/// Outcome of a run of the toy experiment.
public struct RegressionOutcome: Codable, Sendable, Equatable {
  /// Values the model answered, nil where its answer was no number.
  public var answers: [Double?]
  /// Expected values.
  public var truths: [Double]
  /// Total loss of every step.
  public var losses: [Double]
  /// Seconds of training.
  public var trainingSeconds: Double
  /// Seconds of the test.
  public var testingSeconds: Double

  /// Memberwise.
  public init(
    answers: [Double?], truths: [Double], losses: [Double], trainingSeconds: Double = 0, testingSeconds: Double = 0
  ) {
    (self.answers, self.truths, self.losses) = (answers, truths, losses)
    (self.trainingSeconds, self.testingSeconds) = (trainingSeconds, testingSeconds)
  }

  /// Errors of all answers; those that are no numbers count as ``RegressionProblem/constantMedian``.
  public var errors: [Double] {
    zip(answers, truths).map { abs(($0 ?? RegressionProblem.constantMedian) - $1) }
  }
  /// Mean absolute error.
  public var mae: Double { errors.reduce(0, +) / Double(errors.count) }
  /// Root mean squared error.
  public var rmse: Double { (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot() }
  /// Answers that are no numbers.
  public var unparseable: Int { answers.count { $0 == nil } }
}
