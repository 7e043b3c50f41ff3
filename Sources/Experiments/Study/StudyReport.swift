// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Objectives
import Recipes
import Reports

/// The report of a study: where a target over values helps, where not, and where it harms.
struct StudyReport {
  private let summary: StudySummary
  /// CRPS of tables beside other methods.
  private let floors: Table?

  /// - Throws: `InputError` for a table's `table.json` that is none.
  init(_ summary: StudySummary) throws {
    self.summary = summary
    floors = try summary.floors(.best)
  }

  var report: ExperimentReport {
    let seeds = summary.common(summary.problems).count
    let curve: (any Figure)? = meanGains(.best) ?? gains(.best).first
    var report = ExperimentReport(
      "When does teaching distance help?",
      subtitle: [
        (summary.problems.count, "problem"), (summary.settings.grid.variants.count, "objective"), (seeds, "seed"),
      ]
      .map(Quantity.counted).joined(separator: ", "),
      findings: [summary.vanishingAdvantage(.best)].compactMap { $0 },
      remarks: StudySummary.Selection.allCases.compactMap(summary.automaticWidth),
      figure: curve ?? ranks(.best), parts: parts,
      settings: [
        .values([
          ("model", "decoder of 2 layers, width 64, bytes as tokens, from random weights"),
          ("updates", "\(summary.settings.steps) of 32 examples, AdamW, learning rate 0.001, cosine to 0"),
          ("validation", "eight times a run"), ("number read out", "median of the distribution"),
        ])
      ])
    report.headline = summary.headline(.best)
    return report
  }

  // MARK: Parts

  /// Both checkpoints' ranks; the main figure of the one that is chosen, and on the page everything else.
  private var parts: [ExperimentReport.Part] {
    StudySummary.Selection.allCases.flatMap { rule -> [ExperimentReport.Part] in
      let main = details(rule, .crps).map { rule == .best ? ExperimentReport.Part.table($0) : .detail($0) }
      let others = [EvaluationMetric.readOutMAE, .clippedMAE].flatMap { details(rule, $0) }
      return [
        .section(rule == .best ? "With early stopping" : "At the last step"), .table(summary.overview(rule)),
      ] + summary.byFactor(.crps, rule).map { .table($0) } + [
        .figures([meanGains(rule)].compactMap { $0 } + [ranks(rule)] + gains(rule))
      ] + (rule == .best ? [floors].compactMap { $0 }.map { .table($0) } : []) + main + others.map { .detail($0) }
    }
  }

  /// Synthetic problems of one noise and number of digits, in order of size; all tables.
  private var groups: [(title: String, problems: [StudySummary.Condition])] {
    var groups: [(title: String, problems: [StudySummary.Condition])] = []
    for problem in summary.problems {
      let title = summary.problem(problem).group
      if let index = groups.firstIndex(where: { $0.title == title }) {
        groups[index].problems.append(problem)
      } else {
        groups.append((title, [problem]))
      }
    }
    return groups
  }

  /// Tables of changes, at most four problems wide.
  private func details(_ rule: StudySummary.Selection, _ metric: EvaluationMetric) -> [Table] {
    groups.flatMap { group in
      stride(from: 0, to: group.problems.count, by: 4).map { start in
        let part = Array(group.problems[start..<min(start + 4, group.problems.count)])
        return summary.changes(metric, part, group.title, rule)
      }
    }
  }

  /// Mean ranks, with half the critical difference on both sides.
  private func ranks(_ rule: StudySummary.Selection) -> BarChart {
    let friedman = summary.ranks(.crps, rule), variants = summary.variants
    let order = friedman.ranks.indices.sorted { friedman.ranks[$0] < friedman.ranks[$1] }
    let half = (friedman.criticalDifference ?? 0) / 2
    return BarChart(
      "Mean rank by CRPS",
      subtitle: "over \(friedman.count) problems; bars whose lines do not meet differ (Nemenyi, 5 %)",
      categories: order.map { variants[$0].name }, y: Axis("mean rank", includesZero: true),
      groups: [
        BarChart.Group(
          "rank", order.map { friedman.ranks[$0] },
          ranges: order.map { max(0, friedman.ranks[$0] - half)...(friedman.ranks[$0] + half) })
      ])
  }

  /// The change in CRPS over training size, the mean over all other factors, a line a variant; nil where there are none.
  private func meanGains(_ rule: StudySummary.Selection) -> Chart? {
    guard summary.settings.tables.isEmpty, groups.count > 1 else { return nil }
    let sizes = Set(summary.problems.map { $0[0] }).sorted()
    guard sizes.count > 1 else { return nil }
    let changes = sizes.map { size in summary.overall(.crps, rule, over: summary.problems.filter { $0[0] == size }) }
    let series = summary.shown.map { variant in
      let points = zip(sizes, changes).compactMap { size, changes -> Series.Point? in
        guard let change = changes[variant], change.difference.isFinite else { return nil }
        let (low, high) = (100 * change.interval.low, 100 * change.interval.high)
        return Series.Point(size, 100 * change.difference, range: low <= high ? low...high : nil)
      }
      return Series(variant.name, points, spread: .whiskers)
    }
    return Chart(
      "CRPS against sft, over \(groups.count) kinds of problems",
      subtitle: "change in per cent with 95 % intervals over seeds; below 0 is better",
      x: Axis("training examples", scale: .logarithmic), y: Axis("change in CRPS, %", includesZero: true),
      series: series, references: [ReferenceLine("sft", y: 0)])
  }

  /// The change in CRPS over training size, an image a noise, a line a variant.
  private func gains(_ rule: StudySummary.Selection) -> [Chart] {
    groups.compactMap { group in
      guard summary.settings.tables.isEmpty, group.problems.count > 1 else { return nil }
      let series = summary.shown.map { variant in
        Series(
          variant.name,
          group.problems.map { problem in
            Series.Point(problem[0], 100 * summary.change(.crps, variant, problem, rule).difference)
          })
      }
      return Chart(
        "CRPS against sft: \(group.title)", subtitle: "change in per cent, mean over seeds; below 0 is better",
        x: Axis("training examples", scale: .logarithmic), y: Axis("change in CRPS, %", includesZero: true),
        series: series, references: [ReferenceLine("sft", y: 0)])
    }
  }
}
