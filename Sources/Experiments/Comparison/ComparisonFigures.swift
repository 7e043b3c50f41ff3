// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports

/// Images of a comparison's report.
struct ComparisonFigures {
  let summary: ComparisonSummary

  init(_ summary: ComparisonSummary) { self.summary = summary }

  /// The image that says most.
  var main: any Figure { axisChart ?? bars }

  /// Of the answers.
  var results: [any Figure] {
    var figures = [main]
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
      let records = summary.outcomes(variant).flatMap(\.records)
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
      let places = summary.outcomes(variant).flatMap(\.records).flatMap {
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
      let points = (summary.outcome(variant, seed)?.records ?? []).compactMap { record -> Series.Point? in
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

  /// Cross entropy, the loss term that variants share, in training and validation. Those that put targets over whole
  /// numbers in its place have none.
  var curves: [any Figure] {
    func chart(_ title: String, _ points: (ComparisonOutcome) -> [ComparisonOutcome.Point]) -> Chart? {
      let all = summary.variants.compactMap { variant -> Series? in
        let runs = summary.outcomes(variant).map(points)
        guard let first = runs.first, !first.isEmpty, runs.allSatisfy({ $0.count == first.count }) else { return nil }
        return Series(
          variant.name,
          first.indices.map { index in
            Series.Point(Double(first[index].step), runs.reduce(0) { $0 + $1[index].value } / Double(runs.count))
          })
      }
      let series = all.filter { one in one.points.contains { $0.y != 0 } }
      let without = all.filter { one in !series.contains(one) }.map(\.name)
      guard !series.isEmpty else { return nil }
      let note = without.isEmpty ? "" : "; \(without.listed) \(without.count == 1 ? "has" : "have") none"
      return Chart(title, subtitle: "mean over seeds\(note)", x: Axis("step"), y: Axis("cross entropy"), series: series)
    }
    return [
      chart("Cross entropy in training") { $0.training }, chart("Cross entropy in validation") { $0.validation },
    ].compactMap { $0 }
  }
}
