import Files
import Foundation
import Objectives
public import Reports

/// The report of a toy experiment: the table beside the paper's, plots, and what they say about the paper's claims.
public struct RegressionReport {
  let summary: RegressionSummary
  /// The command that makes it again.
  let command: String

  /// A report of the outcomes in hand; missing cells leave gaps.
  public init(_ settings: RegressionSettings, _ outcomes: [RegressionOutcome], command: String) {
    summary = RegressionSummary(
      settings: settings, outcomes: Dictionary(outcomes.map { ($0.cell, $0) }, uniquingKeysWith: { $1 }))
    self.command = command
  }

  /// The table and the findings, for a terminal.
  public func text(_ terminal: Terminal) -> String {
    var parts = [summary.table.text(terminal: terminal)]
    if summary.settings.counts.count > 1 { parts.append(chart("MAE", \.mae, summary.mae).text(terminal: terminal)) }
    for finding in summary.findings {
      parts.append(terminal.styled("\(finding.id): \(finding.claim)", .bold) + "\n" + "  " + finding.finding)
    }
    if let undecided = summary.undecided { parts.append(undecided) }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// The table in markdown with the findings, for `docs/experiments/`.
  public var markdown: String {
    let findings = summary.findings.map { "- **\($0.id)** \($0.claim) *Found:* \($0.finding)" }
    return "```\n\(command)\n```\n\n\(summary.table.markdown)\n" + findings.joined(separator: "\n") + "\n"
      + (summary.undecided.map { "\n\($0)\n" } ?? "")
  }

  /// The page `report.html`.
  public var page: HTMLReport {
    let settings = summary.settings
    let name = (settings.model as NSString).lastPathComponent
    var page = HTMLReport(
      settings.table == .regression ? "Linear regression from a handful of examples" : "The parts of dist",
      subtitle: "The paper's \(settings.table == .regression ? "Table 11" : "Table 5") on \(name)",
      footer: "Made by dist2. Every figure comes from the cells in this folder.")
    for finding in summary.findings {
      page.verdict("\(finding.id). \(finding.claim)", finding.finding, finding.outcome)
    }
    if let undecided = summary.undecided { page.paragraph(undecided) }
    page.section("Results")
    page.table(summary.table)
    if settings.counts.count > 1 {
      page.figures([chart("MAE", \.mae, summary.mae), chart("RMSE", \.rmse, summary.rmse)])
    } else {
      page.figures([bars, scatter])
    }
    if settings.seeds.count > 1 { page.table(summary.intervals) }
    page.section("Training")
    page.figures([losses])
    page.section("Settings")
    page.keyValues([
      ("model", name), ("objectives", settings.presets.map(\.rawValue).joined(separator: ", ")),
      ("N", settings.counts.map(String.init).joined(separator: ", ")),
      ("seeds", settings.seeds.map(String.init).joined(separator: ", ")),
      ("test problems", "\(settings.testProblems)"), ("samples seen", "round(\(settings.samples) / N) · N"),
      ("optimizer", "AdamW, batch 1, learning rate \(settings.learningRate), linear to 0, clip \(settings.clip)"),
      ("α", "\(settings.alpha)"), ("τ", "\(settings.temperature)"), ("distance", "squared, digit by digit"),
      ("dist", "place weights 4, 3, 2, 1; one neighbour within ±\(settings.radius) of the last decimal, second pass"),
    ])
    page.code(command, caption: "The command that makes this again")
    page.section("One problem")
    if let problem = RegressionData(seed: settings.seeds[0], test: 1).test.first {
      page.code(problem.prompt + problem.completion, caption: "Prompt and answer")
    }
    return page
  }

  /// The one picture that says most: MAE against N, or one bar an objective where there is a single N.
  var figure: any Figure {
    summary.settings.counts.count > 1 ? chart("MAE", \.mae, summary.mae) : bars
  }

  private func chart(
    _ metric: String, _ paper: (PaperToy.Entry) -> (mean: Double, std: Double),
    _ values: (Preset, Int) -> Measurements
  ) -> Chart {
    let settings = summary.settings
    let floor = metric == "MAE" ? RegressionProblem.constantError.mae : RegressionProblem.constantError.rmse
    let ours = settings.presets.enumerated().map { index, preset in
      Series(
        preset.rawValue, means: settings.counts.map { (Double($0), values(preset, $0)) }.filter { $0.1.count > 0 },
        color: index)
    }
    let theirs = settings.presets.enumerated().compactMap { index, preset in
      PaperToy.table11[preset.rawValue].map { rows in
        Series(
          "\(preset.rawValue), paper", settings.counts.map { Series.Point(Double($0), paper(rows[$0 - 1]).mean) },
          style: .dashed, color: index)
      }
    }
    return Chart(
      "\(metric) against training problems", subtitle: "mean over seeds, band ± 1 std; dashed: the paper's",
      x: Axis("training problems N"), y: Axis(metric), series: theirs + ours,
      references: [ReferenceLine("constant median", y: floor)])
  }

  /// One bar an objective, where there is a single N.
  private var bars: BarChart {
    let settings = summary.settings, count = settings.counts[0]
    func group(_ name: String, _ values: (Preset, Int) -> Measurements) -> BarChart.Group {
      BarChart.Group(name, settings.presets.map { values($0, count).mean })
    }
    return BarChart(
      "Error at N = \(count)", categories: settings.presets.map(\.rawValue), y: Axis("error", includesZero: true),
      groups: [group("MAE", summary.mae), group("RMSE", summary.rmse)],
      references: [ReferenceLine("constant median, MAE", y: RegressionProblem.constantError.mae)])
  }

  /// Answers against truths of the first seed.
  private var scatter: Chart {
    let settings = summary.settings
    let series = settings.presets.compactMap { preset -> Series? in
      let cell = RegressionCell(preset: preset, count: settings.counts[0], seed: settings.seeds[0])
      guard let outcome = summary.outcomes[cell] else { return nil }
      let points = zip(outcome.truths, outcome.answers).compactMap { truth, answer in
        answer.map { Series.Point(truth, $0) }
      }
      return Series(preset.rawValue, points, style: .points)
    }
    return Chart(
      "Answers against truths", subtitle: "seed \(settings.seeds[0]); perfect answers lie on the line",
      x: Axis("true y"), y: Axis("answered y", range: 0...1.2), series: series, hasDiagonal: true)
  }

  /// Smoothed total loss of the largest N, first seed.
  private var losses: Chart {
    let settings = summary.settings
    let series = settings.presets.compactMap { preset -> Series? in
      let cell = RegressionCell(preset: preset, count: settings.counts.max()!, seed: settings.seeds[0])
      guard let outcome = summary.outcomes[cell] else { return nil }
      return Series(
        preset.rawValue, outcome.losses.enumerated().map { Series.Point(Double($0.offset + 1), $0.element) }
      ).smoothed(halfLife: 8)
    }
    return Chart(
      "Training loss", subtitle: "total loss, smoothed over 8 steps; objectives have different scales",
      x: Axis("step"), y: Axis("loss"), series: series)
  }
}
