import Objectives
import Reports

extension GroundingSummary {
  /// What these outcomes say about K9 and, for data that grow, K8 (PAPER.md 1.5).
  var findings: [ClaimFinding] {
    [
      claim(
        "K9", "dist finds more boxes than sft on every split.", .dist, "boxes found", Self.isFound),
      claim(
        "K9", "The same of what the boxes overlap, which says more where few are found.", .dist, "overlap", \.overlap),
      claim("K9", "vocab is mixed: no better than sft on the whole.", .vocab, "boxes found", Self.isFound),
      gainsShrink,
    ].compactMap { $0 }
  }

  /// An objective against sft at the largest size, split by split.
  private func claim(
    _ id: String, _ claim: String, _ preset: Preset, _ metric: String, _ measure: (GroundingOutcome) -> Double
  ) -> ClaimFinding? {
    guard let size = largest([.sft, preset]) else { return nil }
    let both = seeds([.sft, preset], size)
    let verdicts = Verdict.corrected(
      splits.map { split in
        scores(preset, size, split, seeds: both, measure)
          .verdict(metric, against: scores(.sft, size, split, seeds: both, measure))
      })
    let words = zip(splits, verdicts).map { "\($0): \($1)" }
    let outcomes = Set(verdicts.map(\.outcome))
    return ClaimFinding(
      id: id, claim: claim,
      finding: "Learnt from \(size) expressions. " + words.joined(separator: "; ") + ". "
        + ItemScores.remark("expression", seeds: [both.count]) + learntRemark(size),
      outcome: outcomes.count == 1 ? outcomes.first ?? .noDifferenceShown : .noDifferenceShown)
  }

  /// A warning where no objective finds more than the median box does: then there is nothing to compare.
  private func learntRemark(_ size: Int) -> String {
    let isLearnt = settings.presets.contains { preset in
      splits.contains { split in
        let scores = scores(preset, size, split, seeds: seeds([preset], size), Self.isFound)
        return scores.interval.map { $0.low > floor(split) } ?? false
      }
    }
    return isLearnt ? "" : " No objective finds more than the median box does: nothing was learnt that could differ."
  }

  /// K8, which the paper states of manipulation: the gain shrinks as data grow.
  private var gainsShrink: ClaimFinding? {
    let complete = settings.seeds.filter { seed in
      settings.sizes.allSatisfy { seeds([.sft, .dist], $0).contains(seed) }
    }
    guard settings.sizes.count >= 3, !complete.isEmpty else { return nil }
    // A seed's mean over splits is one measurement: they are answered by the same models.
    let gains = complete.map { seed in
      settings.sizes.map { size in
        let bySplit = splits.map { split in
          let found = [Preset.dist, .sft].map { scores($0, size, split, seeds: [seed], Self.isFound).mean }
          return found[0] - found[1]
        }
        return Measurements(bySplit).mean
      }
    }
    return ClaimFinding.shrinkingGains(gains, sizes: settings.sizes, of: "expressions")
  }
}
