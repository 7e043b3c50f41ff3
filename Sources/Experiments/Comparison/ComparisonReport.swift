// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Recipes
import Reports

/// The report of a comparison: tables, verdicts, curves.
struct ComparisonReport {
  let summary: ComparisonSummary
  let findings: ComparisonFindings

  /// What verdicts are about stands first, and all else on the page.
  var report: ExperimentReport {
    let figures = ComparisonFigures(summary), told = findings.told, others = findings.all.count - told.count
    let rest =
      others == 0
      ? nil : "\(others) other comparison\(others == 1 ? " shows" : "s show") no difference."
    var report = ExperimentReport(
      "Does the metric help?",
      subtitle: "\(URL(fileURLWithPath: summary.settings.path).lastPathComponent) on "
        + URL(fileURLWithPath: summary.run.model).lastPathComponent,
      findings: told.map {
        JudgedClaim(
          id: "", claim: $0.label, finding: "\($0.verdict).", conclusion: Conclusion($0.verdict.outcome))
      },
      remarks: [rest, findings.singleModels, findings.power].compactMap { $0 }, figure: figures.main,
      parts: [
        .section("Results"), .table(judgedTable), .figures(figures.results),
        .section("Other figures"), .detail(otherTable),
        .section("Training"), .figures(figures.curves),
        .section("Answers"), .detail(answers),
      ],
      settings: [
        .closed("The run file as resolved", [.code(summary.settings.run.resolved.yaml, caption: "")])
      ])
    if others > 0 {
      report.parts.insert(
        .closed("All \(findings.all.count) comparisons", [.list(findings.all.map(\.text))]), at: 0)
    }
    report.headline = findings.conclusion
    report.members = findings.members
    return report
  }

  // MARK: Parts

  /// What verdicts are about, and what is to be known of all answers.
  private var judgedTable: Table {
    let seeds = summary.seeds.count
    var table = table(
      of: summary.judged, caption: "\(Quantity.counted(seeds, "seed")), \(Quantity.counted(examples, "test example"))")
    if summary.metrics.contains(where: \.isError) {
      table.notes.append("Answers without a readable number: \(summary.unreadable) in the errors.")
    }
    if let massNote { table.notes.append(massNote) }
    table.notes += summary.remarks
    return table
  }

  /// Everything else that was measured.
  private var otherTable: Table {
    var table = table(
      of: summary.metrics.filter { !summary.judged.contains($0) }, caption: "What verdicts are not about")
    let norms = summary.variants.map(norm)
    table.add(Table.Column("gradient norm", alignment: .right), norms)
    table.notes.append("Gradient norm: mean ± standard deviation over steps, before clipping.")
    return table
  }

  private func table(of metrics: [EvaluationMetric], caption: String) -> Table {
    var table = Table(
      caption,
      columns: [Table.Column("objective")] + metrics.map { Table.Column($0.label, alignment: .right) },
      notes: [
        "95 % intervals by the bootstrap over test examples"
          + (summary.seeds.count > 1 ? " and seeds." : "; they know nothing of other seeds.")
      ])
    for variant in summary.variants { table.add([.text(variant.name)] + metrics.map { cell($0, variant) }) }
    for (index, metric) in metrics.enumerated() where metric != .coverage && metric != .mass {
      table.emphasizeBest(metric.lowerIsBetter ? .lowest : .highest, in: index + 1)
    }
    if let constant = summary.answers?.median, metrics.contains(where: { summary.floor($0) != nil }) {
      let floors = metrics.compactMap { metric in
        summary.floor(metric).map { "\(metric.label) \(Quantity.number($0))" }
      }
      table.notes.append(
        "Always answering the training median \(Quantity.number(constant)): \(floors.joined(separator: ", ")).")
    }
    if let range = summary.answers?.range, metrics.contains(.clippedMAE) {
      table.notes.append(
        "\(EvaluationMetric.clippedMAE.label): answers outside the training answers' "
          + "\(Quantity.number(range.lowerBound)) to \(Quantity.number(range.upperBound)) moved to the nearest end.")
    }
    if metrics.contains(.coverage) { table.notes.append("Coverage should be 90 %.") }
    return table
  }

  /// Said where distributions hold too little of the models' belief.
  private var massNote: String? {
    let masses = summary.variants.compactMap { variant -> (name: String, mean: Double, isCut: Bool)? in
      let beliefs = summary.outcomes(variant).flatMap(\.records).flatMap(\.beliefs)
      guard beliefs.contains(where: { $0.mass < NumberReading.enough }) else { return nil }
      let mean = beliefs.reduce(0) { $0 + $1.mass } / Double(beliefs.count)
      return (variant.name, mean, beliefs.contains { $0.cut > 1 - NumberReading.enough })
    }
    guard !masses.isEmpty else { return nil }
    let list = masses.map { "\($0.name) \(Quantity.percent($0.mean))" }.joined(separator: ", ")
    return
      "Distributions hold less than all of the models' belief, on average: \(list). CRPS, coverage and numbers read out "
      + "are those of this part."
      + (masses.contains(where: \.isCut) ? " evaluate.width cut more than 1 % of some: raise it." : "")
  }

  private var examples: Int { summary.firstRecords?.count ?? 0 }

  private func cell(_ metric: EvaluationMetric, _ variant: ComparisonVariant) -> Table.Cell {
    guard let mean = summary.mean(metric, variant) else { return .missing }
    let decimals = metric.isShare ? 3 : mean.magnitude >= 10 ? 1 : 3
    return summary.interval(metric, variant).map { .interval(mean, $0, decimals: decimals) }
      ?? .number(mean, decimals: decimals)
  }

  private func norm(_ variant: ComparisonVariant) -> Table.Cell {
    let runs = summary.outcomes(variant)
    let mean = runs.reduce(0) { $0 + $1.gradientNorm } / Double(max(1, runs.count))
    let spread = runs.reduce(0) { $0 + $1.gradientNormDeviation } / Double(max(1, runs.count))
    return .mean(mean, spread: spread, decimals: 2)
  }

  /// Answers of each variant to a few examples.
  private var answers: Table {
    var table = Table(
      columns: [Table.Column("example"), Table.Column("right")] + summary.variants.map { Table.Column($0.name) })
    guard let seed = summary.seeds.first, let variant = summary.variants.first,
      let all = summary.outcome(variant, seed)?.records
    else { return table }
    for index in all.indices.prefix(8) {
      table.add(
        [.text(all[index].id), .text(all[index].reference)]
          + summary.variants.map { variant in
            (summary.outcome(variant, seed)?.records[index].text).map { .text($0) } ?? .missing
          })
    }
    return table
  }
}
