import Foundation
import MetricTokens
import Objectives
import Reports
import Tabletop

/// Outcomes of a manipulation experiment as figures and intervals.
struct ManipulationSummary {
  let settings: ManipulationSettings
  private let outcomes: [ManipulationCell: ManipulationOutcome]
  private let floors: [EpisodeSplit: Double]

  init(_ settings: ManipulationSettings, _ outcomes: [ManipulationOutcome]) {
    self.settings = settings
    self.outcomes = Dictionary(outcomes.map { ($0.cell, $0) }, uniquingKeysWith: { $1 })
    floors = Dictionary(uniqueKeysWithValues: ManipulationSettings.levels.map { ($0, Self.playRandomly($0, settings)) })
  }

  /// Seeds of which all cells of these arms and this size are finished.
  func seeds(_ presets: [Preset], _ size: Int) -> [Int] {
    settings.seeds.filter { seed in presets.allSatisfy { trials($0, size, seed) != nil } }
  }

  func trials(_ preset: Preset, _ size: Int, _ seed: Int) -> [PolicyTrial]? {
    outcomes[ManipulationCell(preset: preset, size: size, seed: seed)]?.trials
  }

  /// All trials of an arm at a level.
  func trials(_ preset: Preset, _ size: Int, _ level: EpisodeSplit) -> [PolicyTrial] {
    settings.seeds.compactMap { trials(preset, size, $0) }.flatMap { $0 }.filter { $0.split == level }
  }

  /// Share of episodes solved, a seed each.
  func success(_ preset: Preset, _ size: Int, _ level: EpisodeSplit, seeds: [Int]? = nil) -> [Double] {
    (seeds ?? settings.seeds).compactMap { trials(preset, size, $0) }.map { trials in
      Self.share(trials.filter { $0.split == level })
    }
  }

  /// For every test episode the share of seeds that solve it: what intervals are drawn over.
  func episodes(_ preset: Preset, _ size: Int, _ level: EpisodeSplit, seeds: [Int]) -> [Double] {
    let bySeed = seeds.compactMap { trials(preset, size, $0)?.filter { $0.split == level } }
    guard let first = bySeed.first else { return [] }
    return first.indices.map { index in
      Measurements(bySeed.map { $0[index].isSuccess ? 1 : 0 }).mean
    }
  }

  /// Mean success, and its 95 % bootstrap interval over test episodes.
  func interval(_ preset: Preset, _ size: Int, _ level: EpisodeSplit) -> (mean: Double, interval: ConfidenceInterval)? {
    let values = episodes(preset, size, level, seeds: seeds([preset], size))
    guard values.count > 1 else { return nil }
    let mean = Measurements(values).mean
    // The bootstrap has nothing to draw where all episodes are alike; then the rule of three speaks.
    guard Set(values).count > 1 else {
      let width = min(1, 3 / Double(values.count))
      return (mean, ConfidenceInterval(low: max(0, mean - width), high: min(1, mean + width)))
    }
    return (mean, Bootstrap(resamples: 2000).interval(of: values))
  }

  static func share(_ trials: [PolicyTrial]) -> Double {
    trials.isEmpty ? .nan : Double(trials.count { $0.isSuccess }) / Double(trials.count)
  }

  /// Median over trials of what is measured of the first action; nil without any.
  func median(_ trials: [PolicyTrial], _ value: (PolicyTrial) -> Double?) -> Double? {
    let values = trials.compactMap(value)
    return values.isEmpty ? nil : Measurements(values).median
  }

  /// Success of places drawn at random on the same test episodes: the floor.
  func random(_ level: EpisodeSplit) -> Double { floors[level] ?? .nan }

  private static func playRandomly(_ level: EpisodeSplit, _ settings: ManipulationSettings) -> Double {
    var generator = CounterGenerator(0x72616e64)
    func point() -> String {
      "(\(Double(generator.next(below: 256)) / 256), \(Double(34 + generator.next(below: 90)) / 128))"
    }
    let test = PolicyTest(form: settings.form, answers: settings.answers)
    let trials = test.play(settings.episodes(level)) { prompts in
      prompts.map { _ in "\(point()) \(point()) [\(generator.next(below: 719) - 359)]" }
    }
    return share(trials)
  }
}
