import Foundation
import Objectives
import Reports

extension RewardSummary {
  /// What these outcomes say about the paper's claims on reward models (PAPER.md 1.5), corrected for their number.
  var findings: [ClaimFinding] {
    let comparisons = claims.flatMap { claim in claim.pairs.map { (claim, $0) } }
    let verdicts = Verdict.corrected(comparisons.map { verdict($0.0.figure, $0.1.0, $0.1.1) })
    let found = claims.map { claim -> ClaimFinding in
      let mine = zip(comparisons, verdicts).filter { $0.0.0.id == claim.id }
      let words = mine.map { "\($0.0.1.0.name) against \($0.0.1.1.name): \($0.1)" }.joined(separator: "; ")
      let outcomes = Set(mine.map(\.1.outcome))
      return ClaimFinding(
        id: claim.id, claim: claim.text, finding: words + "." + claim.remark,
        outcome: outcomes.count == 1 ? outcomes.first ?? .noDifferenceShown : .noDifferenceShown)
    }
    return found + [alphaIsRobust].compactMap { $0 }
  }

  private struct Claim {
    var id: String
    var text: String
    var figure: Figure
    var pairs: [(RewardArm, RewardArm)]
    var remark = ""
  }

  private var claims: [Claim] {
    func arm(_ name: String) -> RewardArm? { arms.first { $0.name == name } }
    func pairs(_ names: [(String, String)]) -> [(RewardArm, RewardArm)] {
      names.compactMap { names in arm(names.0).flatMap { a in arm(names.1).map { (a, $0) } } }
    }
    var claims = [
      Claim(
        id: "K11", text: "dist orders responses better than sft, and answering models better than classifiers.",
        figure: .pairs, pairs: pairs([("dist", "sft"), ("dist", "bradleyTerry"), ("sft", "bradleyTerry")])),
      Claim(
        id: "K17", text: "A random metric brings no gain over sft, and dist is better than it.", figure: .pairs,
        pairs: pairs([("random", "sft"), ("dist", "random")]),
        remark: " \"No difference\" from sft is what the claim expects of a random metric."),
    ]
    if figures.contains(.mmlu) {
      claims.append(
        Claim(
          id: "K16", text: "Training with dist forgets little: MMLU stays near the backbone's, above sft's.",
          figure: .mmlu, pairs: pairs([("dist", "sft")]), remark: " Backbone and losses are in the table."))
    }
    return claims.filter { !$0.pairs.isEmpty }
  }

  /// Pairs are seeds that both have.
  private func verdict(_ figure: Figure, _ ours: RewardArm, _ theirs: RewardArm) -> Verdict {
    let seeds = Set(seeds(ours)).intersection(self.seeds(theirs)).sorted()
    func values(_ arm: RewardArm) -> [Double] {
      zip(self.seeds(arm), self.values(figure, arm)).filter { seeds.contains($0.0) }.map(\.1)
    }
    return Verdict(
      name(figure), ours: values(ours), theirs: values(theirs), lowerIsBetter: figure.lowerIsBetter)
  }

  /// K15: α hardly matters, 0.1 is best.
  private var alphaIsRobust: ClaimFinding? {
    let swept = alphas
    guard swept.count >= 3, let best = swept.max(by: { $0.accuracy.mean < $1.accuracy.mean }) else { return nil }
    let spread = (swept.map(\.accuracy.mean).max() ?? 0) - (swept.map(\.accuracy.mean).min() ?? 0)
    // What chance alone does between seeds of one α, for comparison.
    let noise = Measurements(
      swept.map { $0.accuracy.count > 1 ? $0.accuracy.standardDeviation : .nan }.filter(\.isFinite))
    let beside =
      noise.count == 0
      ? "one seed each, so nothing can be said of chance"
      : "seeds of one α differ by \(Quantity.fixed(100 * noise.mean, decimals: 1)) points (standard deviation)"
    return ClaimFinding(
      id: "K15", claim: "α hardly matters between 0.001 and 1; 0.1 is best.",
      finding: "best at α = \(best.alpha); from best to worst \(Quantity.fixed(100 * spread, decimals: 1)) points, "
        + "while \(beside). The paper's own Table 6 has a sharp peak: 85.3 at 0.1, 77.8 at 0.2.",
      outcome: .noDifferenceShown)
  }

  /// Accuracy on the test's pairs by α, dist's own among them.
  var alphas: [(alpha: Double, accuracy: Measurements)] {
    let own = (try? RunSettings(yaml: settings.run, path: settings.path).objective.alpha) ?? 0.1
    return arms.filter { $0.preset == .dist && $0.distance == nil }
      .map { ($0.alpha ?? own, Measurements(values(.pairs, $0))) }
      .sorted { $0.0 > $1.0 }
  }
}
