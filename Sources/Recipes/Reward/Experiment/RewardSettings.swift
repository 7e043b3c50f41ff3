import Files
import Foundation
public import Objectives

/// What is trained and asked in the reward experiment (section 3.4, C.1, C.2).
public struct RewardSettings: Codable, Sendable, Equatable {
  /// The run file as resolved, without what arms and seeds change.
  public var run: String
  /// The file it was read from, for errors and relative names.
  public var path: String
  public var arms: [RewardArm]
  public var seeds: [Int]
  /// Files of preferences that every model judges beside the run's own test file.
  public var preferences: [String]
  /// Folder with MMLU's `test.jsonl`, asked before and after training; nil: not asked.
  public var mmlu: String?
  /// Questions of it.
  public var questions: Int

  /// - Throws: `InputError` if the run file has no `reward` section or test file, or would be refused for an arm.
  public init(
    _ settings: RunSettings, arms: [RewardArm], seeds: [Int], preferences: [String] = [], mmlu: String? = nil,
    questions: Int = 200
  ) throws {
    run = settings.resolved.yaml
    path = settings.path
    (self.arms, self.seeds, self.preferences) = (arms, seeds, preferences)
    (self.mmlu, self.questions) = (mmlu, questions)
    for (key, isThere) in [("reward", settings.reward != nil), ("data.test", settings.data.test != nil)] where !isThere
    {
      throw InputError(
        path: settings.path, place: "key \(key)", expected: "rated responses to learn from and to be tested on",
        found: "no such key", remedy: "Configs/reward/human.yaml shows one.")
    }
    let names = arms.map(\.name)
    guard !arms.isEmpty, Set(names).count == names.count, !seeds.isEmpty, Set(seeds).count == seeds.count else {
      throw InputError(
        path: "<arguments>", place: "--arms and --seeds", expected: "at least one of each and each once",
        found: "\(names) and \(seeds)")
    }
    for arm in arms { _ = try self.settings(arm, seed: seeds.first ?? 1, output: "") }
  }

  /// The run file of one cell.
  func settings(_ arm: RewardArm, seed: Int, output: String) throws -> RunSettings {
    var assignments = arm.assignments + ["train.seed=\(seed)"]
    if let distance = arm.distance {
      // The random metric is another for each seed, as the models are.
      assignments.append("metrics.*.distance=\(distance.replacing("SEED", with: "\(seed)"))")
    }
    return try RunSettings(yaml: run, path: path, overrides: assignments, values: [("output", .string(output))])
  }

  /// Every cell, seeds outermost: an interrupted experiment then holds whole seeds. The model as it was published is one
  /// cell, whatever the seeds.
  var cells: [(name: String, arm: RewardArm, seed: Int)] {
    [(RewardArm.untrained.name, .untrained, 0)]
      + seeds.flatMap { seed in arms.map { ("\($0.name)-seed\(seed)", $0, seed) } }
  }
}

/// One way to train a reward model.
public struct RewardArm: Codable, Sendable, Hashable {
  /// `dist`, `random`, `alpha0.02`, …
  public var name: String
  /// What tables say it is.
  public var title: String
  public var preset: Preset
  /// α; nil: the run file's.
  public var alpha: Double?
  /// Distance of every metric, as a run file says it; nil: the run file's.
  public var distance: String?

  init(_ preset: Preset, name: String? = nil, title: String, alpha: Double? = nil, distance: String? = nil) {
    (self.preset, self.title, self.alpha, self.distance) = (preset, title, alpha, distance)
    self.name = name ?? preset.rawValue
  }

  var assignments: [String] {
    ["objective.preset=\(preset.rawValue)"] + (alpha.map { ["objective.alpha=\($0)"] } ?? [])
  }

  /// The model as it was published: what training is compared with.
  static let untrained = RewardArm(.sft, name: "untrained", title: "backbone, not trained")
  static let sft = RewardArm(.sft, title: "cross entropy")
  static let dist = RewardArm(.dist, title: "squared distance")

  /// Table 3, section 3.4's baselines, and the other ways to train a reward model.
  public static let main = [
    RewardArm(.bradleyTerry, title: "sequence classifier, pairs (the paper's binary)"),
    RewardArm(.marginBradleyTerry, title: "the same with a margin"),
    RewardArm(.scaledBradleyTerry, title: "the same, weighted by the margin"),
    RewardArm(.regression, title: "regression head, squared error"),
    sft,
    RewardArm(.vocab, title: "cross entropy once more over the scores"),
    RewardArm(.smooth, title: "label smoothing over the scores"),
    dist,
  ]
  /// Table 8, and the distance that is not squared.
  public static let metrics = [
    RewardArm(.dist, name: "absolute", title: "absolute distance", distance: "absolute"),
    RewardArm(
      .dist, name: "random", title: "distances dealt out at random",
      distance: "{name: shuffled, of: squared, seed: SEED}"),
  ]

  /// Table 6 without the α that `dist` has anyway.
  public static func alphas(_ values: [Double] = [1, 0.2, 0.02, 0.01, 0.005, 0.001]) -> [RewardArm] {
    values.map { RewardArm(.dist, name: "alpha\($0)", title: "squared distance, α = \($0)", alpha: $0) }
  }

  /// All arms by name.
  public static func all() -> [RewardArm] { main + metrics + alphas() }
}
