// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Objectives
import Recipes
import Reports

extension StudySummary {
  /// Ranks and changes over all problems, a row a variant.
  func overview(_ rule: Selection) -> Table {
    let metric = Self.judged[0]
    let ranks = Self.judged.map { self.ranks($0, rule) }, changes = changes(metric, rule)
    let overall = overall(metric, rule)
    var table = Table(
      "Over \(problems.count) problems, \(rule.caption)",
      columns: [Table.Column("objective")]
        + ["CRPS", "read-out", "greedy"].map { Table.Column($0, group: "mean rank", alignment: .right) }
        + ["mean, %", "better", "worse"].map {
          Table.Column($0, group: "\(metric.label) against sft", alignment: .right)
        })
    for (index, variant) in variants.enumerated() {
      let verdicts = problems.compactMap { changes[variant]?[$0] }
      table.add(
        [.text(variant.name)]
          + ranks.map { $0.ranks.indices.contains(index) ? .number($0.ranks[index], decimals: 1) : .missing }
          + [
            .text(overall[variant].map(text) ?? "–"),
            variant.preset == .sft ? .missing : .count(verdicts.count { $0.outcome == .better }),
            variant.preset == .sft ? .missing : .count(verdicts.count { $0.outcome == .worse }),
          ])
    }
    for column in 1...Self.judged.count { table.emphasizeBest(.lowest, in: column) }
    table.notes.append(
      "Ranks by CRPS and by mean absolute error: of the median read out, and of greedy answers moved into the training "
        + "answers' range.")
    table.notes.append(
      "Mean: change against sft, averaged over problems, ± half the 95 % interval over seeds; * shown after correction for "
        + "all \(others.count) variants.")
    table.notes.append(
      "Better and worse: problems where the change against sft is shown by its seeds, with Holm's "
        + "correction for all \(others.count * problems.count) comparisons.")
    if let distance = ranks[0].criticalDifference, ranks[0].pValue.isFinite {
      table.notes.append(
        "Ranks of \(metric.label) differ by Friedman's test with p = \(Quantity.significant(ranks[0].pValue, digits: 2)); "
          + "two variants differ if their ranks do by more than \(Quantity.decimals(distance, 1)) (Nemenyi, 5 %).")
    }
    return table
  }

  /// Mean changes against sft by each factor of made-up numbers that has several values, the others' values taken
  /// together: a table a factor.
  func byFactor(_ metric: EvaluationMetric, _ rule: Selection) -> [Table] {
    guard settings.tables.isEmpty else { return [] }
    return settings.grid.factors.enumerated().compactMap { place, factor in
      let values = factor.values.filter { value in problems.contains { $0[place] == value } }
      guard values.count > 1, values.count < problems.count else { return nil }
      let changes = values.map { value in overall(metric, rule, over: problems.filter { $0[place] == value }) }
      var table = Table(
        "\(metric.label) against sft by \(factor.title), %, \(rule.caption)",
        columns: [Table.Column("objective")]
          + values.map { Table.Column("\(factor.name) = \(Grid.text($0))", alignment: .right) })
      for variant in others { table.add([.text(variant.name)] + changes.map { .text($0[variant].map(text) ?? "–") }) }
      table.notes.append(
        "Mean over the other factors' values, ± half the 95 % interval over seeds; * shown after correction for all "
          + "\(others.count) variants.")
      return table
    }
  }

  /// Changes against sft, a row a variant and a column a problem.
  func changes(_ metric: EvaluationMetric, _ problems: [Condition], _ title: String, _ rule: Selection) -> Table {
    let all = changes(metric, rule)
    var table = Table(
      "\(metric.label): \(title), \(rule.caption)",
      columns: [Table.Column("objective")] + problems.map { Table.Column(problem($0).name, alignment: .right) })
    table.add(
      [.text("sft")]
        + problems.map { problem in
          let mean = mean(metric, .plain, problem, rule)
          return .number(mean, decimals: mean >= 100 ? 0 : mean >= 10 ? 1 : 2)
        })
    for variant in others {
      table.add([.text(variant.name)] + problems.map { .text(all[variant]?[$0].map(text) ?? "–") })
    }
    table.notes.append(
      "sft: its mean. Others: change against it in per cent, ± half the 95 % interval over seeds; * shown after "
        + "correction for all comparisons.")
    let floors = problems.map { problem in
      let values = outcomes(.plain, problem).map(\.medianError)
      return "\(self.problem(problem).name): \(Quantity.number(Measurements(values).mean))"
    }
    table.notes.append("Always answering the training median: \(floors.joined(separator: ", ")).")
    return table
  }

  private func text(_ verdict: Verdict) -> String {
    guard verdict.difference.isFinite else { return "–" }
    return Self.share(verdict) + (verdict.isShown ? "*" : " ")
  }

  /// A change with half its interval in per cent: `−12`, `+3 ± 2`.
  static func share(_ verdict: Verdict) -> String {
    let half = (verdict.interval.high - verdict.interval.low) / 2
    return percent(verdict.difference, half.isFinite ? half : nil)
  }
}

/// `−12`, `+3 ± 2`
private func percent(_ share: Double, _ half: Double? = nil) -> String {
  guard share.isFinite else { return "–" }
  let sign = share < 0 ? "−" : "+"
  return sign + Quantity.decimals(abs(100 * share), 0) + (half.map { " ± \(Quantity.decimals(100 * $0, 0))" } ?? "")
}

extension StudySummary.Selection {
  var caption: String { self == .best ? "checkpoint with the lowest validation loss" : "last step" }
}
