// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports

/// The report of a comparison over responses: which objective orders held-out ones, and whether it does more than count
/// their tokens.
struct ResponseReport {
  private typealias Finding = ResponseSummary.Finding

  private let summary: ResponseSummary
  private let against: [Finding], length: [Finding]

  init(_ summary: ResponseSummary) {
    self.summary = summary
    (against, length) = (summary.againstBaseline, summary.againstLength)
  }

  var report: ExperimentReport {
    let told = (against + length).filter { $0.isShown || $0.item == summary.main }
    var report = ExperimentReport(
      "Which objective orders held-out responses?",
      subtitle: "\(URL(fileURLWithPath: summary.settings.path).lastPathComponent) on "
        + URL(fileURLWithPath: summary.settings.run.model).lastPathComponent,
      findings: told.map {
        JudgedClaim(id: "", claim: $0.label, finding: "\($0.verdict).", conclusion: Conclusion($0.verdict.outcome))
      },
      remarks: [power].compactMap { $0 }, figure: bars,
      parts: [
        .section("Results"), .table(table), .table(lengthTable), .figures([bars] + curves),
      ],
      settings: [.closed("The run file as resolved", [.code(summary.settings.run.resolved.yaml, caption: "")])])
    if told.count < against.count + length.count {
      report.parts.insert(
        .closed("All \(against.count + length.count) comparisons", [.list((against + length).map(\.text))]), at: 0)
    }
    report.headline = conclusion
    report.members = members
    return report
  }

  // MARK: Words

  /// The verdict, at the top of the report.
  var conclusion: String { "\(ofObjectives) \(ofLength)" }

  private var ofObjectives: String {
    guard !against.isEmpty else { return "A single objective is compared with nothing." }
    guard summary.seeds.count > 1 else {
      return "Undecided: one seed cannot tell an objective from chance. Compare with five or more."
    }
    let shown = against.filter(\.isShown), figures = summary.judged.map(\.label).listed
    let theirs = against.map(\.theirs).once.listed
    guard !shown.isEmpty else {
      return
        "No difference shown: on these \(summary.prompts) prompts no objective is shown to change \(figures) against "
        + "\(theirs)."
    }
    let sentences = shown.map(\.ours).once.map { name -> String in
      let parts = [(Verdict.Outcome.better, "improves"), (.worse, "worsens")].compactMap { outcome, verb -> String? in
        let some = shown.filter { $0.ours == name && $0.verdict.outcome == outcome }.map(\.item.label)
        return some.isEmpty ? nil : "\(verb) \(some.listed)"
      }
      return "\(name) \(parts.joined(separator: " and "))"
    }
    let others = against.map(\.ours).once.filter { name in !shown.contains { $0.ours == name } }
    return "Against \(theirs), \(sentences.joined(separator: "; "))."
      + (others.isEmpty ? "" : " No difference is shown for \(others.listed).")
  }

  private var ofLength: String {
    guard summary.seeds.count > 1 else { return "" }
    func names(_ outcome: Verdict.Outcome) -> [String] { length.filter { $0.verdict.outcome == outcome }.map(\.ours) }
    let better = names(.better), worse = names(.worse)
    guard !better.isEmpty || !worse.isEmpty else {
      return "None is shown to order responses better or worse than choosing the longer one would."
    }
    return [("better", better), ("worse", worse)].filter { !$0.1.isEmpty }.map {
      "\($0.1.listed) \($0.1.count == 1 ? "orders" : "order") responses \($0.0) than choosing the longer one would."
    }.joined(separator: " ")
  }

  /// What the seeds could have shown; nil where that is not the question.
  var power: String? {
    let open = against.first { $0.item == summary.main && $0.verdict.outcome == .noDifferenceShown }
    guard let open, let least = open.verdict.detectableDifference else { return nil }
    return
      "With \(open.verdict.pairs) seeds and \(summary.prompts) prompts a difference in \(open.item.label) below "
      + "\(Quantity.number(least)) would mostly stay unseen (power 80 %, before correction)."
  }

  private var members: JSONObject {
    (against + length).members(main: summary.main.rawValue, power: power)
  }

  // MARK: Tables

  /// By name in the evaluation and in the table.
  private var columns: [(name: String, title: String)] {
    let items: [ResponseEvaluation.Item] =
      [.accuracy, .expectedScore] + (summary.isScored ? [.bestScore] : []) + [.likelihood]
    return items.map { ($0.rawValue, $0.label) } + [("rewards/margins", "margin")]
  }

  private var table: Table {
    let seeds = summary.seeds.count
    var table = Table(
      "\(Quantity.counted(seeds, "seed")), \(Quantity.counted(summary.prompts, "held-out prompt"))",
      columns: [Table.Column("objective")] + columns.map { Table.Column($0.title, alignment: .right) },
      notes: [
        seeds > 1 ? "95 % intervals over seeds (Student's t)." : "One seed: nothing is known of others.",
        "Expected score: of a response drawn by softmax of the rewards; of a pair the probability of the better one.",
      ])
    for variant in summary.variants {
      table.add([.text(variant.name)] + columns.map { cell($0.name, variant) })
    }
    for column in columns.indices.dropLast() { table.emphasizeBest(.highest, in: column + 1) }
    return table
  }

  /// What length explains.
  private var lengthTable: Table {
    let columns = [
      ("length/accuracy_if_better_is_longer", "better is longer"),
      ("length/accuracy_if_better_is_shorter", "better is shorter"),
      ("length/longer_wins", "longer has the higher reward"), ("length/correlation", "reward with length, ρ"),
    ]
    var table = Table(
      "Accuracy by length, and how rewards go with it",
      columns: [Table.Column("objective")] + columns.map { Table.Column($0.1, alignment: .right) })
    for variant in summary.variants { table.add([.text(variant.name)] + columns.map { cell($0.0, variant) }) }
    if let variant = summary.variants.first {
      let share = summary.figure(ResponseEvaluation.Item.longerIsBetter.rawValue, variant).mean
      table.notes.append("The better response is the longer one in \(Quantity.percent(share)) of pairs.")
    }
    return table
  }

  private func cell(_ name: String, _ variant: ComparisonVariant) -> Table.Cell {
    let values = summary.figure(name, variant)
    guard values.count > 0 else { return .missing }
    let interval = values.meanInterval()
    return interval.isFinite ? .interval(values.mean, interval, decimals: 3) : .number(values.mean, decimals: 3)
  }

  // MARK: Figures

  private var bars: BarChart {
    func group(_ title: String, _ name: String) -> BarChart.Group {
      let values = summary.variants.map { summary.figure(name, $0) }
      return BarChart.Group(
        title, values.map(\.mean),
        ranges: values.map { values in
          let interval = values.meanInterval()
          return interval.isFinite ? interval.low...interval.high : nil
        })
    }
    let longer = summary.variants.first.map {
      ReferenceLine(
        "the longer", y: summary.figure(ResponseEvaluation.Item.longerIsBetter.rawValue, $0).mean)
    }
    return BarChart(
      "Held-out pairs in the right order", subtitle: "mean over seeds, 95 % interval",
      categories: summary.variants.map(\.name), y: Axis("share of pairs", includesZero: true),
      groups: [
        group("accuracy", ResponseEvaluation.Item.accuracy.rawValue),
        group("longer has the higher reward", "length/longer_wins"),
      ], references: longer.map { [$0] } ?? [])
  }

  /// Accuracy of validation while training.
  private var curves: [any Figure] {
    let series = summary.variants.compactMap { variant -> Series? in
      let runs = summary.outcomes(variant).map(\.validation)
      guard let first = runs.first, !first.isEmpty, runs.allSatisfy({ $0.count == first.count }) else { return nil }
      return Series(
        variant.name,
        first.indices.map { index in
          Series.Point(Double(first[index].step), runs.reduce(0) { $0 + $1[index].value } / Double(runs.count))
        })
    }
    guard !series.isEmpty else { return [] }
    return [
      Chart(
        "Accuracy in validation", subtitle: "mean over seeds", x: Axis("step"), y: Axis("accuracy"), series: series)
    ]
  }
}
