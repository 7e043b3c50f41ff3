// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Objectives
import Recipes
import Reports

/// Findings of a comparison: every variant against sft, dist against every other objective, by several figures, with
/// one correction for all comparisons against sft and one for the others.
struct ComparisonFindings {
  /// A comparison of two variants by one figure, in words.
  struct Finding: ComparisonFinding {
    let ours: ComparisonVariant, theirs: ComparisonVariant
    let metric: EvaluationMetric
    let verdict: Verdict

    var names: (ours: String, theirs: String) { (ours.name, theirs.name) }
    var figure: String { metric.rawValue }
  }

  let summary: ComparisonSummary
  /// Pairs in order, each by the main figure first.
  let all: [Finding]

  init(_ summary: ComparisonSummary) {
    self.summary = summary
    var claims = [(ComparisonVariant, ComparisonVariant, EvaluationMetric, Verdict)]()
    for (ours, theirs) in summary.pairs {
      for metric in summary.judged {
        let verdict = summary.verdict(metric, ours, theirs)
        // What is equal everywhere, or was not measured, is no test among others.
        let isOpen = verdict.outcome != .identical && verdict.outcome != .tooFewPairs
        if metric == summary.main || isOpen { claims.append((ours, theirs, metric, verdict)) }
      }
    }
    // The headline's question, every objective against sft, is one family; dist against others is another.
    all = [true, false].flatMap { isAgainstSFT in
      let family = claims.filter { ($0.1.preset == .sft) == isAgainstSFT }
      return zip(family, Verdict.corrected(family.map(\.3))).map { claim, verdict in
        Finding(ours: claim.0, theirs: claim.1, metric: claim.2, verdict: verdict)
      }
    }
  }

  /// What is told first: differences, and whatever came out of the main figure.
  var told: [Finding] { all.filter { $0.isShown || $0.metric == summary.main } }

  /// Said where verdicts are not over seeds.
  var singleModels: String? {
    guard all.contains(where: { $0.verdict.unit != "seed" }) else { return nil }
    return
      "Verdicts are over test examples: they are about \(summary.seeds.count == 1 ? "two single models" : "models of two seeds"), "
      + "and of other seeds they say nothing."
  }

  /// Findings of every other objective against sft.
  private var againstSFT: [Finding] { all.filter { $0.theirs.preset == .sft } }

  /// Summary of the findings, for the top of the report.
  var conclusion: String {
    let found = againstSFT, main = summary.main.label
    guard !found.isEmpty else {
      return "sft and another objective are not both among the variants, so nothing is said against it." + floorRemark
    }
    guard found.contains(where: { $0.verdict.outcome != .tooFewPairs }) else {
      return
        "No verdict: \(main) could not be measured, since no number can be read of the answers or of the right ones. "
        + "Let the metric's tokens have values, or name another figure: --metric exactMatch."
    }
    let shown = found.filter(\.isShown)
    if shown.isEmpty {
      let objectives = Self.names(found).count == 1 ? Self.names(found)[0] : "no objective"
      let verb = Self.names(found).count == 1 ? "is not shown" : "is shown"
      return "No difference shown: on this data \(objectives) \(verb) to change \(labels(found)) against sft."
        + floorRemark
    }
    if summary.seeds.count < 3 {
      return "Undecided: these models differ in \(labels(shown)) on these examples, but "
        + "\(summary.seeds.count == 1 ? "one seed" : "two seeds") cannot tell the objective from chance. Compare with "
        + "three or more." + floorRemark
    }
    return "Against sft " + Self.names(shown).map(sentence).joined(separator: "; ") + ".\(unshown(found))" + floorRemark
  }

  /// `valueDrawn improves CRPS and NLL, and worsens exact match`
  private func sentence(of variant: String) -> String {
    let findings = againstSFT.filter { $0.ours.name == variant && $0.isShown }
    let parts = [(Verdict.Outcome.better, "improves"), (.worse, "worsens")].compactMap { outcome, verb -> String? in
      let some = findings.filter { $0.verdict.outcome == outcome }
      return some.isEmpty ? nil : "\(verb) \(labels(some))"
    }
    return "\(variant) \(parts.joined(separator: ", and "))"
  }

  /// Objectives of which nothing is shown, and the headline's figure where only others changed.
  private func unshown(_ found: [Finding]) -> String {
    let shown = Set(Self.names(found.filter(\.isShown))), others = Self.names(found).filter { !shown.contains($0) }
    let unmoved = Self.names(found.filter { $0.metric == summary.main && !$0.isShown && shown.contains($0.ours.name) })
    return
      (unmoved.isEmpty
      ? "" : " \(unmoved.listed) \(unmoved.count == 1 ? "is" : "are") not shown to change \(summary.main.label).")
      + (others.isEmpty ? "" : " No difference is shown for \(others.listed).")
  }

  /// Names of the objectives of findings, in order, each once.
  private static func names(_ findings: [Finding]) -> [String] {
    findings.reduce(into: []) { names, finding in
      if !names.contains(finding.ours.name) { names.append(finding.ours.name) }
    }
  }

  /// Names of the figures of findings, in the order of the report.
  private func labels(_ findings: [Finding]) -> String {
    summary.judged.filter { metric in findings.contains { $0.metric == metric } }.map(\.label).listed
  }

  /// What the seeds could have shown; nil where that is not the question.
  var power: String? {
    let open = all.first { finding in
      finding.theirs.preset == .sft && finding.metric == summary.main
        && finding.verdict.unit == "seed" && finding.verdict.outcome == .noDifferenceShown
    }
    guard let open, let least = open.verdict.detectableDifference else { return nil }
    let seen = abs(open.verdict.difference)
    var text =
      "With \(open.verdict.pairs) seeds a difference in \(open.metric.label) below \(Quantity.number(least)) would mostly "
      + "stay unseen (power 80 %)"
    if seen > 0, seen < least, let needed = open.verdict.pairsNeeded(for: seen) {
      text += "; one of \(Quantity.number(seen)), as seen here, takes about \(Quantity.count(needed)) seeds"
    }
    return text + "."
  }

  /// Whether anything was learnt beyond the answers' median.
  private var floorRemark: String {
    let main = summary.main
    guard main.lowerIsBetter, let floor = summary.floor(main) else { return "" }
    let means = summary.variants.compactMap { summary.mean(main, $0) }
    guard !means.isEmpty, means.allSatisfy({ $0 > 0.9 * floor }) else { return "" }
    return " No objective is clearly better than always answering the training median: train longer or on more."
  }

  /// Members of `report.json`: what was tested, and what came out.
  var members: JSONObject {
    all.members(main: summary.main.rawValue, power: power)
  }
}

extension ComparisonSummary {
  /// Tested figures: the headline's, and unless the user named it, what else says that answers are better.
  var judged: [EvaluationMetric] {
    guard settings.metric.flatMap(EvaluationMetric.init(rawValue:)) == nil else { return [main] }
    return [main]
      + [.readOutMAE, .clippedMAE, .medianError, .crps, .nll, .exactMatch, .parseRate].filter {
        $0 != main && metrics.contains($0)
      }
  }

  /// Every variant against sft at the same point, and dist against every other objective.
  var pairs: [(ComparisonVariant, ComparisonVariant)] {
    var pairs = [(ComparisonVariant, ComparisonVariant)]()
    for variant in variants {
      if let sft = partner(of: variant, .sft), variant.preset != .sft { pairs.append((variant, sft)) }
    }
    for variant in variants where variant.preset == .dist {
      for other in variants
      where other.preset != .dist && other.preset != .sft && partner(of: variant, other.preset) == other {
        pairs.append((variant, other))
      }
    }
    return pairs
  }

  /// The variant of another objective that differs in nothing else.
  private func partner(of variant: ComparisonVariant, _ preset: Preset?) -> ComparisonVariant? {
    variants.first { $0.preset == preset && Set($0.point).isSubset(of: Set(variant.point)) }
  }

  /// By seeds where there are three or more; else by examples, which speaks of these models alone.
  func verdict(_ metric: EvaluationMetric, _ ours: ComparisonVariant, _ theirs: ComparisonVariant) -> Verdict {
    let name = metric.label, lower = metric.lowerIsBetter
    guard seeds.count < 3 else {
      return Verdict(
        name, ours: seeds.map { figure(metric, ours, $0) ?? .nan },
        theirs: seeds.map { figure(metric, theirs, $0) ?? .nan },
        lowerIsBetter: lower)
    }
    return Verdict(
      name, ours: perExample(metric, ours), theirs: perExample(metric, theirs), lowerIsBetter: lower, unit: "example",
      inference: .bootstrap(Bootstrap()))
  }
}
