// SPDX-License-Identifier: Apache-2.0
import Evaluation
public import Files
import Foundation
import MetricTokens
import Objectives
public import Reports

/// The report of a comparison: table, verdicts, curves.
public struct ComparisonReport {
  let summary: ComparisonSummary
  let findings: ComparisonFindings
  let command: String

  init(summary: ComparisonSummary, command: String) {
    (self.summary, self.command) = (summary, command)
    findings = ComparisonFindings(summary)
  }

  /// The figures, one row a variant.
  public var table: Table { table(of: summary.metrics) }

  private func table(of metrics: [EvaluationMetric]) -> Table {
    let seeds = summary.seeds.count, isWhole = metrics == summary.metrics
    var table = Table(
      "\(seeds) seed\(seeds == 1 ? "" : "s"), \(examples) test examples",
      columns: [Table.Column("objective")] + metrics.map { Table.Column($0.label, alignment: .right) }
        + (isWhole ? [Table.Column("gradient norm", alignment: .right)] : []),
      notes: [
        "95 % intervals by the bootstrap over test examples\(seeds > 1 ? " and seeds" : "; they know nothing of other seeds")."
      ])
    for variant in summary.variants {
      table.add(
        [.text(variant.name)] + metrics.map { cell($0, variant) } + (isWhole ? [norm(variant)] : []))
    }
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
    if metrics.contains(where: \.isError) {
      table.notes.append("Answers without a readable number: \(summary.unreadable) in the errors.")
    }
    if let range = summary.answers?.range, metrics.contains(.clippedMAE) {
      table.notes.append(
        "\(EvaluationMetric.clippedMAE.label): answers outside the training answers' "
          + "\(Quantity.number(range.lowerBound)) to \(Quantity.number(range.upperBound)) moved to the nearest end.")
    }
    if let massNote { table.notes.append(massNote) }
    if metrics.contains(.coverage) { table.notes.append("Coverage should be 90 %.") }
    table.notes += summary.remarks
    if isWhole { table.notes.append("Gradient norm: mean ± standard deviation over steps, before clipping.") }
    return table
  }

  /// For the terminal: what verdicts are about, and what they came to. The report has the rest.
  public func text(_ terminal: Terminal) -> String {
    let told = findings.told
    let others = findings.all.count - told.count
    let rest =
      others == 0
      ? [] : ["\(others) other comparison\(others == 1 ? " shows" : "s show") no difference; the report has all."]
    return
      ([table(of: summary.judged).text(terminal: terminal), terminal.styled(findings.conclusion, .bold)]
      + [told.map { "• \($0.label): \($0.verdict)." }.joined(separator: "\n")] + rest
      + [findings.singleModels, findings.power].compactMap { $0 })
      .joined(separator: "\n\n") + "\n"
  }

  /// For `docs/experiments/`.
  public var markdown: String {
    "```\n\(command)\n```\n\n\(table.markdown)\n**\(findings.conclusion)**\n\n"
      + findings.all.map { "- \($0.text)\n" }.joined()
      + [findings.singleModels, findings.power].compactMap { $0.map { "\n\($0)\n" } }.joined()
  }

  /// `report.html`
  public var page: HTMLReport {
    let run = summary.run
    var page = HTMLReport(
      "Does the metric help?",
      subtitle: "\(URL(fileURLWithPath: summary.settings.path).lastPathComponent) on "
        + URL(fileURLWithPath: run.model).lastPathComponent,
      footer: "Made by dist2. Every figure comes from the runs in this folder.")
    page.paragraph(findings.conclusion)
    for finding in findings.told { page.verdict(finding.label, "\(finding.verdict).", finding.verdict.outcome) }
    page.details("All \(findings.all.count) comparisons") { page in page.list(findings.all.map(\.text)) }
    for remark in [findings.singleModels, findings.power].compactMap({ $0 }) { page.paragraph(remark) }
    page.section("Results")
    page.table(table)
    page.figures(figures)
    page.section("Training")
    page.figures(curves)
    page.section("Answers")
    page.table(answers)
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    page.details("The run file as resolved") { $0.code(summary.settings.run.resolved.yaml) }
    return page
  }

  /// The image that says most.
  public var figure: any Figure { axisChart ?? bars }

  /// For programs: the table, and what was tested with what outcome.
  public var json: JSON {
    guard case .object(var object) = table.json, case .object(let found) = findings.json else { return table.json }
    for member in found.members { object[member.key] = member.value }
    return .object(object)
  }

  // MARK: Parts

  /// Said where distributions hold too little of the models' belief.
  private var massNote: String? {
    let masses = summary.variants.compactMap { variant -> (name: String, mean: Double, isCut: Bool)? in
      let beliefs = summary.seeds.compactMap { summary.outcomes[variant]?[$0]?.records }.flatMap { $0 }.flatMap(
        \.beliefs)
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

  private var examples: Int { summary.outcomes.first?.value.first?.value.records.count ?? 0 }

  private func cell(_ metric: EvaluationMetric, _ variant: ComparisonVariant) -> Table.Cell {
    guard let mean = summary.mean(metric, variant) else { return .missing }
    let decimals = metric.isShare ? 3 : mean.magnitude >= 10 ? 1 : 3
    return summary.interval(metric, variant).map { .interval(mean, $0, decimals: decimals) }
      ?? .number(mean, decimals: decimals)
  }

  private func norm(_ variant: ComparisonVariant) -> Table.Cell {
    let runs = summary.seeds.compactMap { summary.outcomes[variant]?[$0] }
    let mean = runs.reduce(0) { $0 + $1.gradientNorm } / Double(max(1, runs.count))
    let spread = runs.reduce(0) { $0 + $1.gradientNormDeviation } / Double(max(1, runs.count))
    return .mean(mean, spread: spread, decimals: 2)
  }

  private var figures: [any Figure] {
    var figures = [figure]
    if summary.metrics.contains(.digitAccuracy), let digits { figures.append(digits) }
    if summary.metrics.contains(.crps) { figures.append(calibration) }
    if let scatter { figures.append(scatter) }
    return figures
  }

  /// One bar a variant.
  private var bars: BarChart {
    let metric = summary.main
    return BarChart(
      metric.label, subtitle: "mean over seeds, 95 % interval", categories: summary.variants.map(\.name),
      y: Axis(metric.label, includesZero: true),
      groups: [
        BarChart.Group(
          metric.label, summary.variants.map { summary.mean(metric, $0) ?? .nan },
          ranges: summary.variants.map { summary.interval(metric, $0).map { $0.low...$0.high } })
      ], references: summary.floor(metric).map { [ReferenceLine("training median", y: $0)] } ?? [])
  }

  /// Lines along the first axis of numbers, one an objective; nil without such an axis.
  private var axisChart: Chart? {
    let keys = summary.variants.flatMap { $0.point.map(\.key) }
    guard let key = keys.first, Set(keys).count == 1 else { return nil }
    func value(_ variant: ComparisonVariant) -> Double? {
      variant.point.first { $0.key == key }.flatMap { Double($0.value) }
    }
    let metric = summary.main
    var series = [Series](), references = [ReferenceLine]()
    for preset in Preset.allCases {
      let variants = summary.variants.filter { $0.preset == preset }
      let points = variants.compactMap { variant -> Series.Point? in
        guard let x = value(variant), let y = summary.mean(metric, variant) else { return nil }
        return Series.Point(x, y, range: summary.interval(metric, variant).map { $0.low...$0.high })
      }
      if !points.isEmpty { series.append(Series(preset.rawValue, points.sorted { $0.x < $1.x })) }
      // An objective that the axis does not change is a level.
      if points.isEmpty, let variant = variants.first, let y = summary.mean(metric, variant) {
        references.append(ReferenceLine(preset.rawValue, y: y))
      }
    }
    guard series.contains(where: { $0.points.count > 1 }) else { return nil }
    return Chart(
      "\(metric.label) against \(key)", subtitle: "mean over seeds, band: 95 % interval", x: Axis(key),
      y: Axis(metric.label), series: series, references: references)
  }

  /// Share of right digits by place, one group a variant.
  private var digits: BarChart? {
    let grammar = NumberGrammar()
    var places = Set<Int>(), shares = [ComparisonVariant: [Int: Double]]()
    for variant in summary.variants {
      let records = summary.seeds.compactMap { summary.outcomes[variant]?[$0]?.records }.flatMap { $0 }
      let pairs = records.compactMap { record in
        grammar.numbers(in: record.reference).first.map { (grammar.numbers(in: record.text).first, $0) }
      }
      for place in DigitAccuracy.byPlace(pairs.map(\.0), pairs.map(\.1)) {
        shares[variant, default: [:]][place.exponent] = place.share
        places.insert(place.exponent)
      }
    }
    guard !places.isEmpty else { return nil }
    let order = places.sorted(by: >)
    return BarChart(
      "Right digits by place", subtitle: "share of test examples, all seeds", categories: order.map { "10^\($0)" },
      y: Axis("share right", includesZero: true),
      groups: summary.variants.map { variant in BarChart.Group(variant.name, order.map { shares[variant]?[$0] ?? .nan })
      })
  }

  /// Where truths lie in the distributions, in tenths (probability integral transform).
  private var calibration: BarChart {
    let tenths = 0..<10
    let groups = summary.variants.map { variant -> BarChart.Group in
      let places = summary.seeds.flatMap { summary.outcomes[variant]?[$0]?.records ?? [] }.flatMap {
        $0.beliefs.compactMap(\.pit)
      }
      let shares = tenths.map { tenth in
        Double(places.count { min(9, Int($0 * 10)) == tenth }) / Double(max(1, places.count))  // bounded: 0 … 1
      }
      return BarChart.Group(variant.name, shares)
    }
    return BarChart(
      "Where truths lie in the distributions",
      subtitle: "share of truths in each tenth; flat is calibrated, a U is too sure, a hill not sure enough",
      categories: tenths.map { "\(10 * $0)–\(10 * $0 + 10) %" }, y: Axis("share of truths", includesZero: true),
      groups: groups, references: [ReferenceLine("calibrated", y: 0.1)])
  }

  /// Answers against truths of the first seed, of three objectives at most.
  private var scatter: Chart? {
    guard let seed = summary.seeds.first else { return nil }
    let shown = summary.variants.filter { [.sft, .dist, .valueDrawn].contains($0.preset) }.prefix(3)
    let series = shown.compactMap { variant -> Series? in
      let points = (summary.outcomes[variant]?[seed]?.records ?? []).compactMap { record -> Series.Point? in
        guard record.truth.count == 1, let value = record.values?.first else { return nil }
        return Series.Point(record.truth[0], value)
      }
      return points.isEmpty ? nil : Series(variant.name, points, style: .points)
    }
    guard !series.isEmpty else { return nil }
    return Chart(
      "Answers against truths", subtitle: "seed \(seed); perfect answers lie on the line", x: Axis("true"),
      y: Axis("answered"), series: series, hasDiagonal: true)
  }

  /// Cross entropy, the one loss term that all variants share, in training and validation.
  private var curves: [any Figure] {
    func chart(_ title: String, _ points: (ComparisonOutcome) -> [ComparisonOutcome.Point]) -> Chart? {
      let series = summary.variants.compactMap { variant -> Series? in
        let runs = summary.seeds.compactMap { summary.outcomes[variant]?[$0].map(points) }
        guard let first = runs.first, !first.isEmpty, runs.allSatisfy({ $0.count == first.count }) else { return nil }
        return Series(
          variant.name,
          first.indices.map { index in
            Series.Point(Double(first[index].step), runs.reduce(0) { $0 + $1[index].value } / Double(runs.count))
          })
      }
      guard !series.isEmpty else { return nil }
      return Chart(title, subtitle: "mean over seeds", x: Axis("step"), y: Axis("cross entropy"), series: series)
    }
    return [
      chart("Cross entropy in training") { $0.training }, chart("Cross entropy in validation") { $0.validation },
    ].compactMap { $0 }
  }

  /// Answers of each variant to a few examples.
  private var answers: Table {
    var table = Table(
      columns: [Table.Column("example"), Table.Column("right")] + summary.variants.map { Table.Column($0.name) })
    guard let seed = summary.seeds.first, let variant = summary.variants.first,
      let all = summary.outcomes[variant]?[seed]?.records
    else { return table }
    for index in all.indices.prefix(8) {
      table.add(
        [.text(all[index].id), .text(all[index].reference)]
          + summary.variants.map { variant in
            (summary.outcomes[variant]?[seed]?.records[index].text).map { .text($0) } ?? .missing
          })
    }
    return table
  }
}
