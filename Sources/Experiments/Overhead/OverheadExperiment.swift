// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData
import Objectives
import Recipes
public import Reports
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a step costs with a distance and without (K1): time and peak memory, objectives in turn, round after round.
public struct OverheadExperiment: Experiment {
  /// `overhead`, as `dist2 reproduce` and its processes name it.
  public static let name = "overhead"
  /// Runs side by side would time each other.
  public static let runsAlone = true

  /// Folder of the model.
  public var model: String
  /// Objectives and rounds; a round is a "seed" here.
  public var grid = Grid(
    [Preset.sft, .vocab, .distWithoutContrast, .dist, .value, .valueDrawn].map(\.rawValue), seeds: Array(1...5))
  /// Steps of each run that are timed.
  public var steps = 12
  /// Examples of a step.
  public var batch = 8

  /// The settings as documented.
  public init(model: String) { self.model = model }

  /// Names of all variants that the grid may have.
  public var variants: [String] { Preset.answering.map(\.rawValue) }

  /// Checks what a user can set beyond the grid.
  ///
  /// - Throws: `InputError` naming the option.
  public func check() throws {
    try require((1...100_000).contains(steps), "--steps", "1…100,000 steps", steps)
    try require((1...100_000).contains(batch), "--batch", "1…100,000 examples", batch)
  }

  /// Steps before the first that counts: memory is reserved, kernels are chosen.
  private static let untimed = 3

  /// Steps.
  public func work(_ run: GridRun) -> Int? { Self.untimed + steps }

  /// The same problems for all rounds and objectives: three points of a line and a value to two decimals.
  public func prepare(in folder: String, _ terminal: Terminal) throws {
    let lines = try RegressionData(seed: 1, training: 64, test: 0).training.map { problem in
      try (["prompt": .string(problem.prompt), "completion": .string(problem.completion)] as JSON)
        .output(pretty: false, path: folder) + "\n"
    }
    try AtomicFile.write(lines.joined().utf8, to: folder + "/train.jsonl")
  }

  /// Trains for some steps and times them.
  public func run(_ run: GridRun, _ context: RunContext) throws -> OverheadOutcome {
    let place = try context.emptyOutput()
    var settings = RunSettings(
      model: model, data: DataSettings(train: "\(context.folder)/train.jsonl"),
      metrics: [MetricSettings(name: "y", tokens: .digits, contrast: .twoPass())],
      objective: ObjectiveSettings(preset: try run.preset),
      train: TrainSettings(
        length: .steps(Self.untimed + steps), batch: batch, learningRate: 1e-6, seed: 1, samples: 0),
      evaluate: EvaluateSettings(distribution: false), output: place)
    settings.path = "overhead"
    var seconds = [Double]()
    _ = try TrainedRun(settings, context, thenPercent: 0) { event in
      if case .step(let step) = event { seconds.append(step.seconds) }
    }
    try removeTree(place)
    return OverheadOutcome(
      seconds: Measurements(Array(seconds.dropFirst(Self.untimed))).median, peakBytes: peakMemory())
  }

  /// Tables and the claim.
  public func report(
    _ results: Results<OverheadOutcome>, _ artifacts: [String: NoArtifact]
  ) throws -> ExperimentReport { OverheadFindings(settings: self, results: results).report }
}

/// Outcome of a run.
public struct OverheadOutcome: Codable, Sendable, Equatable {
  /// Median time of a step.
  public var seconds: Double
  /// The most memory that the process held, nil where the system does not say.
  public var peakBytes: Double?

  /// Memberwise.
  public init(seconds: Double, peakBytes: Double?) { (self.seconds, self.peakBytes) = (seconds, peakBytes) }
}

/// The most memory that this process has held, in bytes; nil where the system does not say.
private func peakMemory() -> Double? {
  var usage = rusage()
  #if canImport(Glibc)
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
    return Double(usage.ru_maxrss) * 1024
  #else
    guard getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
    return Double(usage.ru_maxrss)
  #endif
}
