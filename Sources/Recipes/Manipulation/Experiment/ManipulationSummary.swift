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

  /// How many seeds the figures are means of: `1 to 2 seeds`.
  var finishedSeeds: String {
    let counts = Set(
      settings.sizes.flatMap { size in settings.presets.map { seeds([$0], size).count } }.filter { $0 > 0 })
    return ItemScores.seeds(counts)
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

  /// Episodes solved at a level, each the mean of these seeds.
  func scores(_ preset: Preset, _ size: Int, _ level: EpisodeSplit, seeds: [Int]) -> ItemScores {
    ItemScores(
      seeds.compactMap { trials(preset, size, $0)?.filter { $0.split == level }.map { $0.isSuccess ? 1 : 0 } })
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
