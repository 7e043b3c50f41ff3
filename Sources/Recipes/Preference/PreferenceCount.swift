// SPDX-License-Identifier: Apache-2.0

/// What an outcome counts in a subset: by itself, or of RM-Bench at each of three levels.
struct PreferenceCount {
  /// The subset that it counts in.
  var subset: String
  /// Share of right comparisons, ties shared.
  var credit: Double
  /// The same by the benchmark's own rule for ties.
  var official: Double
}

extension PreferenceOutcome {
  /// What it counts in each of its subsets.
  var counts: [PreferenceCount] {
    guard example.benchmark == .rmBench else {
      return [PreferenceCount(subset: example.subset, credit: scores.credit, official: scores.officialCredit)]
    }
    let cells = cells
    return StyleLevel.allCases.map { level in
      let own = cells.filter { $0.level == level }.map(\.scores), count = Double(own.count)
      return PreferenceCount(
        subset: "\(example.subset) \(level)", credit: own.reduce(0) { $0 + $1.credit } / count,
        official: own.reduce(0) { $0 + $1.officialCredit } / count)
    }
  }

  /// Right or not by the benchmark's own rule: 0 or 1, a share where an example is several comparisons.
  var official: Double {
    guard example.benchmark == .rmBench else { return scores.officialCredit }
    return cells.reduce(0) { $0 + $1.scores.officialCredit } / Double(cells.count)
  }

  /// Comparisons in which both sides score alike.
  var ties: Int {
    example.benchmark == .rmBench ? cells.count { $0.scores.isTie } : scores.isTie ? 1 : 0
  }

  /// Each chosen response against each rejected one.
  private var cells: [(level: StyleLevel, scores: PreferenceScores)] {
    scores.chosen.indices.flatMap { chosen in
      scores.rejected.indices.map { rejected in
        (
          StyleLevel(chosen: chosen, rejected: rejected),
          PreferenceScores(chosen: [scores.chosen[chosen]], rejected: [scores.rejected[rejected]])
        )
      }
    }
  }
}
