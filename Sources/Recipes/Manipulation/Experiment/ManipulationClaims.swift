import Foundation
import Objectives
import Reports
import Tabletop

extension ManipulationSummary {
  /// What these outcomes say about K8 and K10 (PAPER.md 1.5). K9 is about grounding.
  var findings: [ClaimFinding] {
    guard [.sft, .dist].allSatisfy(settings.presets.contains) else { return [] }
    return [distanceIsBetter, combinationGainsMore, gainsShrink].compactMap { $0 }
  }

  private static let names: [EpisodeSplit: String] = [.placement: "L1", .combination: "L2"]

  /// K10: dist solves more than sft at both levels and every size.
  private var distanceIsBetter: ClaimFinding? {
    let places = ManipulationSettings.levels.flatMap { level in settings.sizes.map { (level, $0) } }
      .filter { !seeds([.sft, .dist], $0.1).isEmpty }
    guard !places.isEmpty else { return nil }
    let verdicts = Verdict.corrected(places.map { compare($0.0, $0.1) })
    let words = zip(places, verdicts).map { "\(Self.names[$0.0] ?? "") at \($0.1): \($1)" }
    let outcomes = Set(verdicts.map(\.outcome))
    return ClaimFinding(
      id: "K10", claim: "dist solves more episodes than sft on L1 and L2 at every size.",
      finding: words.joined(separator: "; ") + ". "
        + ItemScores.remark("test episode", seeds: Set(places.map { seeds([.sft, .dist], $0.1).count })),
      outcome: outcomes.count == 1 ? outcomes.first ?? .noDifferenceShown : .noDifferenceShown)
  }

  private func compare(_ level: EpisodeSplit, _ size: Int) -> Verdict {
    let both = seeds([.sft, .dist], size)
    return scores(.dist, size, level, seeds: both)
      .verdict("success", against: scores(.sft, size, level, seeds: both))
  }

  /// K10's second half: the gain is larger on L2.
  private var combinationGainsMore: ClaimFinding? {
    // A seed's mean over sizes is one measurement: smaller sets are parts of larger ones.
    let bySeed = settings.seeds.compactMap { seed -> [Double]? in
      let finished = settings.sizes.filter { seeds([.sft, .dist], $0).contains(seed) }
      guard !finished.isEmpty else { return nil }
      return ManipulationSettings.levels.map { level in
        Measurements(finished.map { gain(level, $0, seed: seed) }).mean
      }
    }
    guard !bySeed.isEmpty else { return nil }
    let verdict = Verdict("gain", ours: bySeed.map { $0[1] }, theirs: bySeed.map { $0[0] }, lowerIsBetter: false)
    return ClaimFinding(
      id: "K10", claim: "The gain is larger on L2 than on L1.",
      finding: "L2 against L1, means over sizes: \(verdict).", outcome: verdict.outcome)
  }

  /// K8: the gain shrinks as data grow.
  private var gainsShrink: ClaimFinding? {
    guard settings.sizes.count >= 3 else { return nil }
    let complete = settings.seeds.filter { seed in
      settings.sizes.allSatisfy { seeds([.sft, .dist], $0).contains(seed) }
    }
    guard !complete.isEmpty else { return nil }
    let gains = complete.map { seed in
      settings.sizes.map { size in
        Measurements(ManipulationSettings.levels.map { gain($0, size, seed: seed) }).mean
      }
    }
    return .shrinkingGains(gains, sizes: settings.sizes, of: "episodes")
  }

  private func gain(_ level: EpisodeSplit, _ size: Int, seed: Int) -> Double {
    let dist = success(.dist, size, level, seeds: [seed]), sft = success(.sft, size, level, seeds: [seed])
    return (dist.first ?? .nan) - (sft.first ?? .nan)
  }
}
