// SPDX-License-Identifier: Apache-2.0
import Reports

/// What the outcomes say about the paper's claims (docs/paper-map.md).
extension RewardFindings {
  /// The largest differences that are called none, as shares; stated before any run. Accuracy on pairs: 2 points, less than
  /// lie between neighbouring rows of the paper's Table 6. MMLU: 1 point; the paper's dist loses 0.6, its sft 1.7.
  private static let pairsMargin = 0.02, mmluMargin = 0.01

  /// All claims that have something to compare; those of a difference are corrected for their number.
  var claims: [JudgedClaim] {
    let differences = [better, overRandom, overForgetting].filter { !$0.comparisons.isEmpty }
    let equal = [randomIsNoGain, littleForgotten, alphaHardlyMatters].filter { !$0.equivalences.isEmpty }
    return (Claim.judge(differences) + equal.map(\.judged)).sorted { $0.id < $1.id }
  }

  private func claim(_ id: String, _ text: String, _ figure: RewardFigure, _ pairs: [(String, String)]) -> Claim {
    let open = pairs.filter { !results.outcomes($0.0).isEmpty && !results.outcomes($0.1).isEmpty }
    return Claim(
      id, text,
      figures.contains(figure)
        ? open.map { ours, theirs in
          let verdict = results.verdict(
            name(figure), ours, theirs, [[]], lowerIsBetter: figure.lowerIsBetter, figure.value)
          return ("\(ours) against \(theirs)", verdict)
        } : [])
  }

  private var better: Claim {
    claim(
      "K11", "dist orders responses better than sft, and answering models better than classifiers.", .pairs,
      [("dist", "sft"), ("dist", "bradleyTerry"), ("sft", "bradleyTerry")])
  }

  private var overRandom: Claim {
    claim("K17b", "dist is better than a random metric.", .pairs, [("dist", "random")])
  }

  private var overForgetting: Claim {
    claim("K16b", "dist forgets less than sft.", .mmlu, [("dist", "sft")])
  }

  /// K17a: a random metric is worth no more than none.
  private var randomIsNoGain: Claim {
    let equal = equivalence("random", "sft").map { [(label: "random against sft", equivalence: $0)] }
    return Claim("K17a", "A random metric brings no gain over sft.", equal: equal ?? [])
  }

  /// K15: every α against the paper's 0.1.
  private var alphaHardlyMatters: Claim {
    let text = "α hardly matters between 0.001 and 1."
    let swept = alphas
    guard swept.count >= 3, let middle = swept.first(where: { $0.alpha == 0.1 }) else {
      return Claim("K15", text, equal: [])
    }
    let others = swept.filter { $0.alpha != 0.1 }.compactMap { other in
      equivalence(other.name, middle.name).map { (label: "α = \(other.alpha) against 0.1", equivalence: $0) }
    }
    let best = swept.max { $0.accuracy.mean < $1.accuracy.mean }
    return Claim(
      "K15", text, equal: others,
      remark: (best.map { "Best at α = \($0.alpha). " } ?? "")
        + "The paper's own Table 6 has a sharp peak: 85.3 at 0.1, 77.8 at 0.2.")
  }

  /// K16a: dist against the backbone that it began with.
  private var littleForgotten: Claim {
    let text = "Training with dist forgets little: MMLU stays near the backbone's."
    guard let before = untrained.map(RewardFigure.mmlu.value), before.isFinite else {
      return Claim("K16a", text, equal: [])
    }
    let after = results.outcomes("dist").map(RewardFigure.mmlu.value)
    let test = Equivalence("MMLU", ours: after, theirs: after.map { _ in before }, margin: Self.mmluMargin)
    return Claim("K16a", text, equal: after.isEmpty ? [] : [("dist against the backbone", test)])
  }

  /// Whether two variants order pairs equally well, seed by seed; nil without a seed that both have.
  private func equivalence(_ ours: String, _ theirs: String) -> Equivalence? {
    let seeds = results.seeds([ours, theirs], [[]])
    guard !seeds.isEmpty else { return nil }
    func values(_ variant: String) -> [Double] {
      results.outcomes(variant, seeds: seeds).map(RewardFigure.pairs.value)
    }
    return Equivalence(
      name(.pairs), ours: values(ours), theirs: values(theirs), margin: Self.pairsMargin)
  }
}
