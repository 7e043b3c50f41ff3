import Foundation
import Reports

extension RewardSummary {
  /// Accuracy on pairs, one bar an arm.
  var accuracyBars: BarChart {
    let values = arms.map { mean(.pairs, $0) ?? .nan }
    let ranges = arms.map { arm in interval(.pairs, arm).map { 100 * $0.low...max(100 * $0.low, 100 * $0.high) } }
    return BarChart(
      "How often the better response wins", subtitle: "pairs of the test file; 95 % intervals over questions and seeds",
      categories: arms.map(\.name), y: Axis("accuracy, %", range: 0...100),
      groups: [BarChart.Group("accuracy", values.map { 100 * $0 }, ranges: ranges)],
      references: [ReferenceLine("chance", y: 50)])
  }

  /// Table 6 as a curve, with the paper's.
  var alphaCurve: Chart? {
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
  func calibration(_ names: [String]) -> Chart {
    let series = arms.filter { names.contains($0.name) }.compactMap { arm -> Series? in
      let all = seeds(arm).compactMap { outcome(arm, $0) }.flatMap(\.responses)
      guard all.contains(where: { $0.reward.overall.variance != nil }) else { return nil }
      let parts = Dictionary(grouping: all) { Int($0.reward.overall.expectation.rounded()) }
      return Series(
        arm.name,
        means: parts.keys.sorted().map { key in
          let part = parts[key] ?? []
          return (
            Measurements(part.map(\.reward.overall.expectation)).mean, Measurements(part.map { Double($0.truth[0]) })
          )
        }, spread: .whiskers)
    }
    return Chart(
      "Calibration of the overall score",
      subtitle: "responses by their expectation, rounded; whiskers ± 1 standard deviation",
      x: Axis("expectation"), y: Axis("score that was given"), series: series, hasDiagonal: true)
  }

  /// How often each score is given and expected.
  func histogram(_ names: [String]) -> Chart {
    let shown = arms.filter { names.contains($0.name) }
    let truth = shown.first.flatMap { arm in seeds(arm).first.flatMap { outcome(arm, $0) } }?.responses ?? []
    let lists =
      [("given by people", truth.map { Double($0.truth[0]) })]
      + shown.map { arm in
        (arm.name, seeds(arm).compactMap { outcome(arm, $0) }.flatMap(\.responses).map(\.reward.overall.expectation))
      }
    return Chart(
      "Overall scores", subtitle: "shares of the test file", x: Axis("score"), y: Axis("share", includesZero: true),
      series: Series.histograms(lists, bins: 13, asShares: true))
  }

  /// What two models believe of one response, as in Fig. 5.
  func beliefs(_ names: [String], _ index: Int) -> BarChart? {
    let shown = arms.filter { names.contains($0.name) }.compactMap { arm -> (String, Reward.Score)? in
      guard let outcome = seeds(arm).first.flatMap({ outcome(arm, $0) }), outcome.responses.indices.contains(index),
        !outcome.responses[index].reward.overall.values.isEmpty
      else { return nil }
      return (arm.name, outcome.responses[index].reward.overall)
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
  func examplePairs(_ count: Int) -> [(better: Int, worse: Int)] {
    guard let arm = arms.first(where: { $0.name == "dist" }) ?? arms.last,
      let responses = seeds(arm).first.flatMap({ outcome(arm, $0) })?.responses
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
}
