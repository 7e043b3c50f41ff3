// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Foundation
import MetricTokens
import Objectives
import Reports

/// Findings of a reward experiment: tables beside the paper's, images, and what they say about its claims.
struct RewardFindings {
  let settings: RewardExperiment
  let results: Results<RewardOutcome>
  let untrained: RewardOutcome?
  /// Variants with outcomes, in order; the untrained model first.
  private let rows: [RewardVariant]
  /// The figures that these outcomes have.
  let figures: [RewardFigure]

  init(_ settings: RewardExperiment, _ results: Results<RewardOutcome>, untrained: RewardOutcome?) {
    (self.settings, self.results, self.untrained) = (settings, results, untrained)
    let trained = results.rows.compactMap { row in RewardVariant.all.first { $0.name == row.variant } }
    rows = (untrained == nil ? [] : [.untrained]) + trained
    let all = [untrained].compactMap { $0 } + results.grid.variants.flatMap { results.outcomes($0) }
    let known: [RewardFigure] =
      [.pairs, .spearman, .error, .attributes] + settings.preferences.indices.map { .preferences($0) } + [.mmlu]
    figures = known.filter { figure in all.contains { figure.value($0).isFinite } }
  }

  var report: ExperimentReport {
    let shown = ["sft", "dist"]
    var parts: [ExperimentReport.Part] = [
      .table(table), .figures([accuracyBars]), .section("Score by score"),
      .figures([calibration(shown), histogram(shown)]),
    ]
    if let alphaTable, let alphaCurve {
      parts += [.section("The weight α"), .table(alphaTable), .figures([alphaCurve])]
    }
    if let forgettingTable { parts += [.section("Forgetting"), .table(forgettingTable)] }
    return ExperimentReport(
      "Reward models that know how far apart scores are",
      subtitle: "\(URL(filePath: settings.path).lastPathComponent), seeds "
        + results.grid.seeds.map(String.init).joined(separator: ", "),
      findings: claims, figure: accuracyBars,
      parts: parts + pairs(shown), settings: [.closed("The run file", [.code(settings.run.resolved.yaml, caption: "")])]
    )
  }

  // MARK: Measures

  func outcomes(_ row: RewardVariant) -> [RewardOutcome] {
    row == .untrained ? [untrained].compactMap { $0 } : results.outcomes(row.name)
  }

  func name(_ figure: RewardFigure) -> String {
    switch figure {
    case .pairs: "test pairs"
    case .spearman: "Spearman ρ"
    case .error: "MAE, overall"
    case .attributes: "ρ, attributes"
    case .preferences(let index):
      URL(filePath: settings.preferences[index]).deletingPathExtension().lastPathComponent
    case .mmlu: "MMLU"
    }
  }

  private func mean(_ figure: RewardFigure, _ row: RewardVariant) -> Double? {
    let values = outcomes(row).map(figure.value)
    return values.isEmpty || values.contains { !$0.isFinite } ? nil : Measurements(values).mean
  }

  /// The 95 % interval of the mean: by the bootstrap over questions and, with several, over seeds.
  private func interval(_ figure: RewardFigure, _ row: RewardVariant, resamples: Int = 400) -> ConfidenceInterval? {
    let runs = outcomes(row).map { Clusters(figure, $0) }
    guard let count = runs.first?.count, count > 1, mean(figure, row) != nil else { return nil }
    let means = (0..<resamples).compactMap { resample -> Double? in
      // The same draws for every variant and figure.
      var generator = CounterGenerator(0x7265_7761_7264, UInt64(resample))
      let drawn = (0..<count).map { _ in generator.next(below: count) }
      let values = runs.map { _ in runs[runs.count == 1 ? 0 : generator.next(below: runs.count)].value(drawn) }
      return values.contains { !$0.isFinite } ? nil : Measurements(values).mean
    }
    guard means.count > resamples / 2 else { return nil }
    let sample = Measurements(means)
    return ConfidenceInterval(low: sample.quantile(0.025), high: sample.quantile(0.975))
  }

  private func cell(_ figure: RewardFigure, _ row: RewardVariant) -> Table.Cell {
    guard let mean = mean(figure, row) else { return .missing }
    return interval(figure, row).map { .interval(mean, $0) } ?? .number(mean)
  }

  /// Accuracy on the test's pairs by α, dist's own among them.
  var alphas: [(name: String, alpha: Double, accuracy: Measurements)] {
    let own = settings.run.objective.alpha
    return rows.filter { $0.preset == .dist && $0.distance == nil }
      .map { ($0.name, $0.alpha ?? own, Measurements(outcomes($0).map(RewardFigure.pairs.value))) }
      .sorted { $0.1 > $1.1 }
  }

  // MARK: Tables

  /// The figures, one row a variant.
  private var table: Table {
    var table = Table(
      "Reward models, \(results.grid.seeds.count) seeds",
      columns: [Table.Column("objective"), Table.Column("what it is")]
        + (figures.map(name) + ["paper, RewardBench"]).map { Table.Column($0, alignment: .right) },
      notes: [
        "95 % intervals by the bootstrap over questions and seeds. Test pairs: two responses to one question, by the overall score they were given; ties count half.",
        "The paper's column is another benchmark and a model sixty times as large: it shows an order, not a target.",
      ])
    for row in rows {
      let paper = PaperRewards.average[row.name].map { Table.Cell.percent($0 / 100) } ?? .missing
      table.add([.text(row.name), .text(row.title)] + figures.map { cell($0, row) } + [paper])
    }
    for (index, figure) in figures.enumerated() {
      table.emphasizeBest(figure.lowerIsBetter ? .lowest : .highest, in: index + 2)
    }
    return table
  }

  /// Table 6.
  private var alphaTable: Table? {
    let alphas = alphas
    guard alphas.count >= 3 else { return nil }
    var table = Table(
      "Accuracy on the test's pairs by α (Table 6)",
      columns: ["α", "here", "paper"].map { Table.Column($0, alignment: .right) })
    for (_, alpha, accuracy) in alphas {
      let paper = PaperRewards.byAlpha.first { $0.alpha == alpha }.map { Table.Cell.percent($0.accuracy / 100) }
      table.add([.text("\(alpha)"), .mean(accuracy), paper ?? .missing])
    }
    return table
  }

  /// Table 7.
  private var forgettingTable: Table? {
    guard figures.contains(.mmlu) else { return nil }
    var table = Table(
      "MMLU before and after (Table 7)",
      columns: [Table.Column("model")] + ["here", "paper"].map { Table.Column($0, alignment: .right) },
      notes: [
        "\(settings.questions) questions, no examples before them, log-likelihood of the letters; chance is 25 %. The paper does not state its protocol."
      ])
    for row in rows where mean(.mmlu, row) != nil {
      let paper = PaperRewards.mmlu[row.name].map { Table.Cell.percent($0 / 100) } ?? .missing
      table.add([.text(row.name), cell(.mmlu, row), paper])
    }
    return table
  }

  // MARK: Figures

  /// Accuracy on pairs, one bar a variant.
  private var accuracyBars: BarChart {
    let values = rows.map { mean(.pairs, $0) ?? .nan }
    let ranges = rows.map { row in interval(.pairs, row).map { 100 * $0.low...max(100 * $0.low, 100 * $0.high) } }
    return BarChart(
      "How often the better response wins", subtitle: "pairs of the test file; 95 % intervals over questions and seeds",
      categories: rows.map(\.name), y: Axis("accuracy, %", range: 0...100),
      groups: [BarChart.Group("accuracy", values.map { 100 * $0 }, ranges: ranges)],
      references: [ReferenceLine("chance", y: 50)])
  }

  /// Table 6 as a curve, with the paper's.
  private var alphaCurve: Chart? {
    guard alphas.count >= 3 else { return nil }
    let ours = Series(
      "here", means: alphas.map { ($0.alpha, Measurements($0.accuracy.values.map { 100 * $0 })) }, spread: .whiskers)
    let theirs = Series(
      "paper, RewardBench", PaperRewards.byAlpha.map { Series.Point($0.alpha, $0.accuracy) }, style: .dashed)
    return Chart(
      "Accuracy by α", subtitle: "mean over seeds ± 1 standard deviation; the paper's are single runs of another task",
      x: Axis("α", scale: .logarithmic), y: Axis("accuracy, %"), series: [ours, theirs])
  }

  /// Mean score that was given, by the score that was expected, in ten parts of the scale.
  private func calibration(_ names: [String]) -> Chart {
    let series = rows.filter { names.contains($0.name) }.compactMap { row -> Series? in
      let all = outcomes(row).flatMap(\.responses)
      guard all.contains(where: { $0.reward.overall.variance != nil }) else { return nil }
      let parts = Dictionary(grouping: all) { Int($0.reward.overall.expectation.rounded()) }
      return Series(
        row.name,
        means: parts.keys.sorted().map { key in
          let part = parts[key] ?? []
          return (
            Measurements(part.map(\.reward.overall.expectation)).mean, Measurements(part.map { $0.truth[0] })
          )
        }, spread: .whiskers)
    }
    return Chart(
      "Calibration of the overall score",
      subtitle: "responses by their expectation, rounded; whiskers ± 1 standard deviation",
      x: Axis("expectation"), y: Axis("score that was given"), series: series, hasDiagonal: true)
  }

  /// How often each score is given and expected.
  private func histogram(_ names: [String]) -> Chart {
    let shown = rows.filter { names.contains($0.name) }
    let truth = shown.first.flatMap { row in outcomes(row).first }?.responses ?? []
    let lists =
      [("given by people", truth.map { $0.truth[0] })]
      + shown.map { row in
        (row.name, outcomes(row).flatMap(\.responses).map(\.reward.overall.expectation))
      }
    return Chart(
      "Overall scores", subtitle: "shares of the test file", x: Axis("score"), y: Axis("share", includesZero: true),
      series: Series.histograms(lists, bins: 13, asShares: true))
  }

  /// Distributions of two models for one response, as in Fig. 5.
  private func beliefs(_ names: [String], _ index: Int) -> BarChart? {
    let shown = rows.filter { names.contains($0.name) }.compactMap { row -> (String, Reward.Score)? in
      guard let outcome = outcomes(row).first, outcome.responses.indices.contains(index),
        !outcome.responses[index].reward.overall.values.isEmpty
      else { return nil }
      return (row.name, outcome.responses[index].reward.overall)
    }
    guard let values = shown.first?.1.values else { return nil }
    return BarChart(
      "", categories: values.map { Quantity.number($0).description }, categoryLabel: "overall score",
      y: Axis("probability"),
      groups: shown.map {
        BarChart.Group("\($0.0), expectation \(Quantity.fixed($0.1.expectation, decimals: 2))", $0.1.probabilities)
      })
  }

  /// The pair of one question whose scores lie furthest apart, for each of the first questions: best and worst.
  private func examplePairs(_ count: Int) -> [(better: Int, worse: Int)] {
    guard let row = rows.first(where: { $0.name == "dist" }) ?? rows.last,
      let responses = outcomes(row).first?.responses
    else { return [] }
    let groups = Dictionary(grouping: responses.indices) { responses[$0].question }
    return groups.keys.sorted().prefix(count).compactMap { key in
      guard let group = groups[key], group.count > 1,
        let better = group.max(by: { responses[$0].truth[0] < responses[$1].truth[0] }),
        let worse = group.min(by: { responses[$0].truth[0] < responses[$1].truth[0] }),
        responses[better].truth[0] > responses[worse].truth[0]
      else { return nil }
      return (better, worse)
    }
  }

  /// Qualitative pairs, as in Fig. 5: the first questions of the test file, not chosen ones.
  private func pairs(_ names: [String]) -> [ExperimentReport.Part] {
    guard let row = rows.first(where: { names.contains($0.name) }), let responses = outcomes(row).first?.responses
    else { return [] }
    var parts: [ExperimentReport.Part] = [
      .section("Pairs"),
      .paragraph("The first questions of the test file, best and worst response by people's scores."),
    ]
    for (better, worse) in examplePairs(3) {
      parts.append(.code(responses[better].prompt, caption: "Question"))
      for index in [better, worse] {
        let response = responses[index], word = index == better ? "Better" : "Worse"
        parts.append(.code(response.response, caption: "\(word) response, given \(Quantity.number(response.truth[0]))"))
        if let bars = beliefs(names, index) { parts.append(.figures([bars])) }
      }
    }
    return parts
  }
}
