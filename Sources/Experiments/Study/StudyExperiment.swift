// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Reports

/// When does teaching distance help? Small decoders learn noisy numbers, or real tables as text, from random weights with
/// every objective: `dist2 study`.
public struct StudyExperiment: Experiment {
  /// `study`, as processes of runs name it.
  public static let name = "study"
  /// A run takes seconds.
  public static let sharesProcesses = true
  /// `few`: one of each kind, for many tables.
  public static let variantSets = ["all": StudyVariant.all.map(\.name), "few": StudyVariant.few.map(\.name)]

  /// Variants, seeds, and either training examples, noise and digits of made-up numbers, or tables.
  public var grid: Grid
  /// Real tables in place of made-up numbers.
  public private(set) var tables: [StudyTable]
  /// Updates of each training run, 32 examples each.
  public var steps = 400

  /// A study on made-up numbers.
  ///
  /// - Parameters:
  ///   - noises: the noise's standard deviations as shares of the signal's.
  ///   - digits: of the largest answer.
  public init(counts: [Int] = [50, 200, 1000, 3000], noises: [Double] = [0.1, 0.5, 1.5], digits: [Int] = [2, 3, 5]) {
    tables = []
    grid = Grid(
      StudyVariant.all.map(\.name),
      by: [
        Grid.Factor("n", "training examples", counts, in: 2...1_000_000),
        Grid.Factor("noise", "noise", noises, in: 0...100), Grid.Factor("digits", "digits", digits, in: 1...6),
      ], seeds: Array(1...10))
  }

  /// A study on real tables.
  ///
  /// - Parameter folder: folders that each hold a `table.json`.
  /// - Throws: `InputError` if there is none, or one that cannot be read.
  public init(tables folder: String) throws {
    tables = try StudyTable.all(in: folder)
    grid = Grid(
      StudyVariant.all.map(\.name), by: [Grid.Factor("table", "table", named: tables.map(\.name))],
      seeds: Array(1...10))
  }

  /// Names of all variants.
  public var variants: [String] { StudyVariant.all.map(\.name) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require((1...1_000_000_000).contains(steps), "--steps", "1…1,000,000,000 updates", steps)
    guard grid.variants.contains(StudyVariant.plain.name) else {
      throw InputError(
        path: "<arguments>", place: "--variants", expected: "sft among them, which others are held against",
        found: "\(grid.variants)")
    }
  }

  /// Those that train as long on problems of the same kind: seeds, variants and problems may be added.
  public func joined(with other: StudyExperiment) -> StudyExperiment? {
    guard steps == other.steps, tables.isEmpty == other.tables.isEmpty else { return nil }
    var both = self
    both.tables += other.tables.filter { !tables.contains($0) }
    both.grid.factors = zip(grid.factors, other.grid.factors).map { mine, theirs in mine.joined(with: theirs) }
    var theirs = other.grid
    theirs.factors = both.grid.factors
    guard let grid = both.grid.joined(with: theirs) else { return nil }
    both.grid = grid
    return both
  }

  /// Examples of a condition.
  func problem(_ condition: [Double]) -> StudyProblem {
    if !tables.isEmpty { return .table(tables[Int(condition[0])]) }  // bounded: an index
    return .numbers(
      NoisyNumbers(count: Int(condition[0]), noise: condition[1], digits: Int(condition[2])))  // bounded: the factors'
  }

  /// Trains one variant and tests it.
  public func run(_ run: GridRun, _ context: RunContext) throws -> StudyOutcome {
    guard let variant = StudyVariant.all.first(where: { $0.name == run.variant }) else {
      throw InputError(path: run.name, place: "variant", expected: "one of \(variants)", found: run.variant)
    }
    let place = try context.emptyOutput()
    defer { try? removeTree(place) }
    return try StudyRun(
      variant, problem(run.condition).files(in: place + "/data", seed: run.seed), seed: run.seed, steps: steps,
      in: place
    )
    .outcome()
  }

  /// Tables of changes, ranks, claims.
  public func report(_ results: Results<StudyOutcome>, _ artifacts: [String: NoArtifact]) throws -> ExperimentReport {
    try StudyReport(StudySummary(self, results)).report
  }
}
