// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Foundation
import Objectives
import Reports

/// The report of a toy experiment: the table beside the paper's, plots, and what they say about the paper's claims.
struct RegressionReport {
  let settings: RegressionExperiment
  let results: Results<RegressionOutcome>
  private var grid: Grid { results.grid }
  private var isAblation: Bool { settings.table == .ablation }

  var report: ExperimentReport {
    let name = URL(filePath: settings.model).lastPathComponent, floor = RegressionProblem.constantError
    let curves = [
      curve("MAE", \.mae, floor: floor.mae, \.mae), curve("RMSE", \.rmse, floor: floor.rmse, \.rmse),
    ]
    let isCurve = grid.sizes.count > 1, largest = grid.sizes.max() ?? 10
    var parts: [ExperimentReport.Part] = [
      .section("Results"), .table(table), .figures(isCurve ? curves : [bars, scatter]),
    ]
    if grid.seeds.count > 1 { parts += [changes.map { .table($0) }, .detail(intervals)].compactMap { $0 } }
    let losses = results.lossChart(
      "Training loss", subtitle: "total loss, smoothed over 8 steps; objectives have different scales", [largest],
      \.losses)
    parts += [.section("Training"), .figures([losses])]
    if let problem = RegressionData(seed: grid.seeds[0], test: 1).test.first {
      parts += [.section("One problem"), .code(problem.prompt + problem.completion, caption: "Prompt and answer")]
    }
    let findings = isAblation ? [partsHelp] : [distanceIsBetter, vocabVaries, gainShrinks].compactMap { $0 }
    return ExperimentReport(
      isAblation ? "The parts of dist" : "Linear regression from a handful of examples",
      subtitle: "The paper's \(isAblation ? "Table 5" : "Table 11") on \(name)", findings: findings,
      remarks: undecided(findings), figure: isCurve ? curves[0] as any Figure : bars, parts: parts,
      settings: [.values(settings.shown)])
  }

  // MARK: Tables

  /// Errors in the paper's layout: Table 11's (a row per N) or Table 5's (a row per objective and N).
  private var table: Table {
    var table =
      isAblation
      ? Table(
        "Parts of dist left out: mean ± sample std over seeds; the paper's at N = 10",
        columns: ["objective", "N", "MAE", "RMSE", "paper MAE", "paper RMSE"].map { Table.Column($0) }, notes: notes)
      : Table(
        "Error at x = 0.5 against the number N of training problems: mean ± sample std over seeds",
        columns: [Table.Column("N")]
          + grid.variants.flatMap { variant in
            ["MAE", "RMSE", "paper MAE", "paper RMSE"].map { Table.Column($0, group: variant) }
          }, notes: notes)
    for size in grid.sizes {
      if isAblation {
        for variant in grid.variants {
          table.add([.text(Self.ablations[variant] ?? variant), .number(size, decimals: 0)] + cells(variant, size))
        }
      } else {
        table.add([.count(Int(exactly: size) ?? 0)] + grid.variants.flatMap { cells($0, size) })
      }
    }
    if isAblation, grid.sizes.count == 1 {
      for column in [2, 3] { table.emphasizeBest(.lowest, in: column) }
    } else if !isAblation {
      for offset in 1...2 { table.emphasizeBest(.lowest, across: grid.variants.indices.map { $0 * 4 + offset }) }
    }
    return table
  }

  private static let ablations = [
    "distWithoutPlace": "− place value weighting", "distWithoutContrast": "− contrastive loss",
    "smooth": "− distance-aware target",
  ]

  private func cells(_ variant: String, _ size: Double) -> [Table.Cell] {
    let paper = paper(variant, size)
    func printed(_ entry: (mean: Double, std: Double)?) -> Table.Cell {
      entry.map { .mean($0.mean, spread: $0.std) } ?? .missing
    }
    return [
      .mean(results.measure(variant, [size], \.mae)), .mean(results.measure(variant, [size], \.rmse)),
      printed(paper?.mae), printed(paper?.rmse),
    ]
  }

  private func paper(_ variant: String, _ size: Double) -> PaperToy.Entry? {
    guard isAblation else { return PaperToy.table11[variant]?[(Int(exactly: size) ?? 1) - 1] }
    return size == 10 ? PaperToy.table5[variant] : nil
  }

  /// 95 % bootstrap intervals of the mean MAE over seeds. (With few seeds they are narrower than they should be; the
  /// claims are judged by Student's t.)
  private var intervals: Table {
    var table = Table(
      "Mean MAE over seeds with its 95 % bootstrap interval",
      columns: [Table.Column("N")] + grid.variants.map { Table.Column($0) })
    for size in grid.sizes {
      table.add(
        [.number(size, decimals: 0)]
          + grid.variants.map { variant in
            let sample = results.measure(variant, [size], \.mae)
            return sample.count < 2 ? .mean(sample) : .interval(sample.mean, Bootstrap().interval(of: sample.values))
          })
    }
    return table
  }

  /// Each variant's MAE against that of `sft`, means over all N in pairs of one seed; nil without `sft`.
  private var changes: Table? {
    let others = grid.variants.filter { $0 != "sft" }
    guard !isAblation, others.count < grid.variants.count, !others.isEmpty else { return nil }
    let verdicts = Verdict.corrected(
      others.map { results.verdict("MAE", $0, "sft", grid.sizes.map { [$0] }, \.mae) })
    var table = Table(
      "Change of MAE against sft, mean over N = \(grid.sizes.map(Grid.text).joined(separator: ", "))",
      columns: ["objective", "change", "seeds that agree", "shown"].map { Table.Column($0) },
      notes: [
        "95 % interval over \(grid.seeds.count) seeds. Shown: with Holm's correction for all \(verdicts.count) "
          + "comparisons."
      ])
    for (variant, verdict) in zip(others, verdicts) {
      table.add([
        .text(variant), .interval(verdict.difference, verdict.interval),
        .text("\(verdict.agreeingPairs) of \(verdict.pairs)"),
        .text(verdict.outcome == .better ? "better" : verdict.outcome == .worse ? "worse" : "–"),
      ])
    }
    return table
  }

  private var notes: [String] {
    let floor = RegressionProblem.constantError, seeds = grid.seeds.count
    let wrong = grid.variants.map { variant in
      let outcomes = grid.sizes.flatMap { results.outcomes(variant, [$0]) }
      let (count, all) = outcomes.reduce((0, 0)) { ($0.0 + $1.unparseable, $0.1 + $1.answers.count) }
      return "\(variant) \(count) of \(all)"
    }
    return [
      "Always answering the median \(RegressionProblem.constantMedian): MAE \(floor.mae), RMSE \(floor.rmse). "
        + "The exact solution: 0.",
      "\(Quantity.counted(seeds, "seed")), \(settings.testProblems) test problems each, α = \(settings.alpha) "
        + "unless the name says another, τ = \(settings.temperature). The paper: Llama-3.2-1B, \(isAblation ? 10 : 5) seeds, 1000 problems, τ not "
        + "stated.",
      "Answers that are no numbers (counted as \(RegressionProblem.constantMedian)): \(wrong.joined(separator: ", ")).",
    ]
  }

  // MARK: Claims (docs/paper-map.md)

  private var sizes: [Double] { grid.sizes.filter { $0 >= 2 } }

  /// K6: dist beats sft and vocab in MAE for N ≥ 2.
  private var distanceIsBetter: JudgedClaim? {
    let rivals = ["sft", "vocab"].filter(grid.variants.contains)
    guard grid.variants.contains("dist"), !rivals.isEmpty, !sizes.isEmpty else { return nil }
    return against(rivals, sizes, "K6", "dist has a lower MAE than sft and vocab for N ≥ 2.")
  }

  /// K14: every part of dist helps.
  private var partsHelp: JudgedClaim {
    against(
      grid.variants.filter { $0 != "dist" }, grid.sizes, "K14",
      "Each part of dist lowers the error; label smoothing falls behind.")
  }

  private func against(_ rivals: [String], _ sizes: [Double], _ id: String, _ claim: String) -> JudgedClaim {
    Claim(
      id, claim,
      rivals.map { ("against \($0)", results.verdict("MAE", "dist", $0, sizes.map { [$0] }, \.mae)) }
    ).judged
  }

  /// K7: vocab varies more across data scales.
  private var vocabVaries: JudgedClaim? {
    let objectives = ["sft", "vocab", "dist"]
    guard grid.sizes.count >= 4, objectives.allSatisfy(grid.variants.contains) else { return nil }
    // How far the curve of means over N departs from its own straight trend.
    let values = objectives.map { variant -> (String, Double) in
      let x = grid.sizes.map { log($0) }, y = grid.sizes.map { results.measure(variant, [$0], \.mae).mean }
      let line = straightLine(x, y)
      return (variant, Measurements(zip(x, y).map { $1 - (line.intercept + line.slope * $0) }).standardDeviation)
    }
    guard values.allSatisfy({ $0.1.isFinite }) else { return nil }
    let text = values.map { "\($0.0) \(Quantity.fixed($0.1, decimals: 4))" }.joined(separator: ", ")
    let isMost = values.max { $0.1 < $1.1 }?.0 == "vocab"
    return JudgedClaim(
      id: "K7", claim: "vocab varies more across N than sft and dist.",
      finding: "standard deviation of the mean MAE around its trend over log N: \(text). The order is "
        + "\(isMost ? "the claim's" : "not the claim's"); no interval is given for a spread of \(grid.sizes.count) "
        + "points, so this is no verdict.",
      conclusion: .undecided)
  }

  /// K8: the gain over sft is largest with little data and shrinks.
  private var gainShrinks: JudgedClaim? {
    results.shrinkingGain("dist", "sft", sizes: sizes) { $1.mae - $0.mae }
  }

  /// The claims about the toy that these outcomes cannot speak to.
  private func undecided(_ findings: [JudgedClaim]) -> [String] {
    let needs =
      isAblation
      ? [("K14", "the ablation")]
      : [
        ("K6", "at least one N ≥ 2"), ("K7", "four or more N"), ("K8", "three or more N ≥ 2"), ("K14", "the ablation"),
      ]
    let open = needs.filter { need in !findings.contains { $0.id == need.0 } }
    return open.isEmpty
      ? [] : ["Not tested here: " + open.map { "\($0.0) (needs \($0.1))" }.joined(separator: ", ") + "."]
  }

  // MARK: Figures

  private func curve(
    _ metric: String, _ paper: (PaperToy.Entry) -> (mean: Double, std: Double), floor: Double,
    _ value: (RegressionOutcome) -> Double
  ) -> Chart {
    let theirs = grid.variants.enumerated().compactMap { index, variant -> Series? in
      let points = grid.sizes.compactMap { size in
        self.paper(variant, size).map { Series.Point(size, paper($0).mean) }
      }
      return points.isEmpty ? nil : Series("\(variant), paper", points, style: .dashed, color: index)
    }
    return results.chart(
      "\(metric) against training problems", subtitle: "dashed: the paper's", y: Axis(metric), dashed: theirs,
      references: [ReferenceLine("constant median", y: floor)], spread: .band, value)
  }

  /// One bar an objective, where there is a single N.
  private var bars: BarChart {
    func group(_ name: String, _ value: (RegressionOutcome) -> Double) -> BarChart.Group {
      BarChart.Group(name, grid.variants.map { results.measure($0, [grid.sizes[0]], value).mean })
    }
    return BarChart(
      "Error at N = \(Grid.text(grid.sizes[0]))", categories: grid.variants, y: Axis("error", includesZero: true),
      groups: [group("MAE", \.mae), group("RMSE", \.rmse)],
      references: [ReferenceLine("constant median, MAE", y: RegressionProblem.constantError.mae)])
  }

  /// Answers against truths of the first seed.
  private var scatter: Chart {
    let series = grid.variants.compactMap { variant -> Series? in
      guard let outcome = results.outcome(variant, [grid.sizes[0]], seed: grid.seeds[0]) else { return nil }
      let points = zip(outcome.truths, outcome.answers).compactMap { truth, answer in
        answer.map { Series.Point(truth, $0) }
      }
      return Series(variant, points, style: .points)
    }
    return Chart(
      "Answers against truths", subtitle: "seed \(grid.seeds[0]); perfect answers lie on the line", x: Axis("true y"),
      y: Axis("answered y", range: 0...1.2), series: series, hasDiagonal: true)
  }
}

extension RegressionExperiment {
  fileprivate var shown: [(key: String, value: String)] {
    [
      ("model", URL(filePath: model).lastPathComponent), ("objectives", grid.variants.joined(separator: ", ")),
      ("N", grid.sizes.map(Grid.text).joined(separator: ", ")),
      ("seeds", grid.seeds.map(String.init).joined(separator: ", ")),
      ("test problems", "\(testProblems)"), ("samples seen", "round(\(samples) / N) · N"),
      ("optimizer", "AdamW, batch 1, learning rate \(learningRate), linear to 0, clip \(clip)"),
      ("α", "\(alpha)"), ("τ", "\(temperature)"), ("distance", "squared, digit by digit"),
      ("dist", "place weights 4, 3, 2, 1; one contrastive example within ±\(radius) of the last decimal, second pass"),
    ]
  }
}
