// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Objectives
import Recipes
import Reports

extension StudySummary {
  /// The largest change in CRPS that is called none, as a share of sft's; stated before any run.
  private static let margin = 0.05

  /// What taught distance does to CRPS over all problems, in a sentence; empty without seeds that all of them have.
  func headline(_ rule: Selection) -> String {
    let overall = overall(.crps, rule), seeds = common(problems).count
    guard seeds > 1 else { return "" }
    func list(_ outcomes: Set<Verdict.Outcome>) -> String {
      others.compactMap { variant -> String? in
        guard let verdict = overall[variant], outcomes.contains(verdict.outcome) else { return nil }
        return "\(variant.name) \(Self.share(verdict)) %"
      }.joined(separator: ", ")
    }
    let parts = [
      ("lower", list([.better])), ("higher", list([.worse])), ("no difference shown", list([.noDifferenceShown])),
    ]
    .filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1)" }
    return "CRPS against sft, mean over \(problems.count) problems and \(seeds) seeds, \(rule.caption): "
      + parts.joined(separator: "; ") + "."
  }

  /// K18: at the largest training size nothing is left of a target's advantage. Nil without made-up numbers of two sizes.
  func vanishingAdvantage(_ rule: Selection) -> JudgedClaim? {
    guard settings.tables.isEmpty, let most = problems.map({ $0[0] }).max(), problems.contains(where: { $0[0] < most })
    else { return nil }
    let largest = problems.filter { $0[0] == most }, common = common(largest)
    let tests = shown.map { variant in
      let ratios = common.map { ratio(.crps, variant, largest, seed: $0, rule) }
      return (
        variant.name,
        Equivalence("CRPS over sft's", ours: ratios, theirs: ratios.map { _ in 1 }, margin: Self.margin)
      )
    }
    return Claim(
      "K18", "The advantage vanishes with unlimited data.", equal: tests,
      remark: "At \(Grid.text(most)) training examples, mean over \(largest.count) problems."
    )
    .judged
  }

  /// What `scale: auto` loses of the gain that the best of the widths tried has, each problem's own: chosen on the same
  /// seeds, so that its gain is a little too good. Nil where it was not run beside two widths.
  func automaticWidth(_ rule: Selection) -> String? {
    let automatic = StudyVariant(.valueDrawn)
    let fixed = variants.filter { $0.preset == .valueDrawn && $0.width != nil }
    guard variants.contains(automatic), fixed.count > 1 else { return nil }
    func gain(_ variant: StudyVariant, _ problem: Condition) -> Double {
      let theirs = mean(.crps, .plain, problem, rule)
      return 1 - mean(.crps, variant, problem, rule) / theirs
    }
    let gains = problems.map { problem in (gain(automatic, problem), fixed.map { gain($0, problem) }.max() ?? .nan) }
      .filter { $0.0.isFinite && $0.1.isFinite }
    guard !gains.isEmpty else { return nil }
    let (ours, best) = (Measurements(gains.map(\.0)).mean, Measurements(gains.map(\.1)).mean)
    let share = best > 0 ? ", \(Quantity.percent(ours / best)) of it" : ""
    return "Widths: valueDrawn with each problem's best of \(fixed.count) widths lowers CRPS by "
      + "\(Quantity.decimals(100 * best, 1)) % on average, with scale: auto by \(Quantity.decimals(100 * ours, 1)) %\(share) "
      + "(\(rule.caption))."
  }
}
