import Files
public import Objectives

/// What a toy experiment is made of: the protocol of 3.1 and D.3 with PAPER.md's readings (Q9, Q14–Q19).
public struct RegressionSettings: Codable, Sendable, Equatable {
  /// Which of the paper's two tables is redone.
  public enum Table: String, Codable, Sendable, CaseIterable {
    /// Table 11: objectives against the number of training problems.
    case regression
    /// Table 5: the parts of `dist`, each left out, at N = 10.
    case ablation
  }
  /// How much of it.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// A few minutes on two cores: what `make demo` runs.
    case small
    /// The paper's seeds, sizes and 1,000 test problems.
    case paper
  }

  /// The table that is redone.
  public var table: Table
  /// Folder of the model.
  public var model: String
  /// Objectives compared.
  public var presets: [Preset]
  /// Numbers N of training problems.
  public var counts: [Int]
  /// Seeds of the problems, their order, and their neighbours.
  public var seeds: [Int]
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
  /// Largest |x − x̄| of a neighbour, in units of the last decimal.
  public var radius = 1

  /// The settings of a table at a scale.
  public init(_ table: Table, _ scale: Scale, model: String) {
    self.table = table
    self.model = model
    presets = table == .regression ? [.sft, .vocab, .dist] : Preset.ablations
    switch (table, scale) {
    case (.regression, .small): (counts, seeds, testProblems, samples) = ([10], [1], 200, 150)
    case (.regression, .paper): (counts, seeds, testProblems) = (Array(1...10), Array(1...5), 1000)
    case (.ablation, .small): (counts, seeds, testProblems, samples) = ([10], [1], 200, 150)
    case (.ablation, .paper): (counts, seeds, testProblems) = ([10], Array(1...10), 1000)
    }
  }

  /// Checks values that a user can set.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    func require(_ condition: Bool, _ option: String, _ expected: String, _ found: Any) throws {
      if !condition { throw InputError(path: "<arguments>", place: option, expected: expected, found: "\(found)") }
    }
    func isOnce<T: Hashable>(_ values: [T]) -> Bool { !values.isEmpty && Set(values).count == values.count }
    try require(isOnce(presets), "--objectives", "distinct objectives", presets.map(\.rawValue))
    try require(
      isOnce(counts) && counts.allSatisfy { (1...10).contains($0) }, "--counts", "distinct numbers of 1…10", counts)
    try require(isOnce(seeds), "--seeds", "distinct seeds", seeds)
    try require(
      (1...1_000_000).contains(testProblems), "--problems", "1…1,000,000 test problems", testProblems)
    try require((1...1_000_000_000).contains(samples), "--samples", "1…1,000,000,000 samples", samples)
    try require(learningRate > 0 && learningRate.isFinite, "--learning-rate", "a number above 0", learningRate)
    try require(temperature >= 0 && temperature.isFinite, "--temperature", "a number ≥ 0", temperature)
    try require(alpha >= 0 && alpha.isFinite, "--alpha", "a number ≥ 0", alpha)
  }

  /// Passes over the training problems.
  public func epochs(_ count: Int) -> Int { max(1, (samples + count / 2) / count) }

  /// Every cell, seeds outermost: an interrupted run then holds whole seeds.
  public var cells: [RegressionCell] {
    seeds.flatMap { seed in
      counts.flatMap { count in presets.map { RegressionCell(preset: $0, count: count, seed: seed) } }
    }
  }
}

/// One training run and its test.
public struct RegressionCell: Sendable, Hashable, Codable {
  /// Objective.
  public var preset: Preset
  /// Number N of training problems.
  public var count: Int
  /// Seed.
  public var seed: Int

  public init(preset: Preset, count: Int, seed: Int) {
    (self.preset, self.count, self.seed) = (preset, count, seed)
  }

  /// `dist-n10-seed1`, the name of its file.
  public var name: String { "\(preset.rawValue)-n\(count)-seed\(seed)" }
}

/// What a cell came to.
public struct RegressionOutcome: Codable, Sendable, Equatable {
  /// The cell.
  public var cell: RegressionCell
  /// Values the model answered, nil where its answer was no number.
  public var answers: [Double?]
  /// What they should have been.
  public var truths: [Double]
  /// Optimizer steps taken.
  public var steps: Int
  /// Seconds of training and of testing.
  public var trainingSeconds: Double
  public var testingSeconds: Double
  /// Total loss of every step.
  public var losses: [Double]

  /// Memberwise.
  public init(
    cell: RegressionCell, answers: [Double?], truths: [Double], steps: Int, trainingSeconds: Double,
    testingSeconds: Double, losses: [Double]
  ) {
    self.cell = cell
    self.answers = answers
    self.truths = truths
    self.steps = steps
    self.trainingSeconds = trainingSeconds
    self.testingSeconds = testingSeconds
    self.losses = losses
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
