// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
public import Reports
import TokenData

extension Inspection {
  /// The same as a page.
  ///
  /// - Parameter command: what the user typed.
  public func page(command: String) -> HTMLReport {
    var page = HTMLReport(
      "Inspection of the training data",
      subtitle: "\(artifacts.settings.path), objective \(artifacts.settings.objective.preset.rawValue)",
      footer: "Made by dist2.")
    for warning in warnings { page.warning(warning) }
    if warnings.isEmpty { page.verdict("No warnings", "nothing of what usually goes wrong was found.", .better) }
    page.section("Examples")
    page.tokenLegend(
      [("read", .read), ("learnt", .learnt)] + artifacts.settings.metrics.enumerated().map { ($1.name, .metric($0)) }
        + (summary.metrics.contains { $0.uncovered > 0 } ? [("digits that are no candidates", .problem)] : []))
    for example in examples {
      page.tokens(example.name, example.tokens.map { ($0.text, $0.kind) })
      guard !example.targets.isEmpty else { continue }
      page.figures(example.targets.prefix(12).map(figure))
      page.details("Targets as numbers") { $0.table(targets(example)) }
    }
    page.section("Metrics")
    if !metricTable.rows.isEmpty { page.table(metricTable) }
    for note in notes { page.paragraph(note) }
    page.section("Data")
    page.table(counts)
    page.section("Settings")
    page.code(command, caption: "The command")
    page.code(artifacts.settings.resolved.yaml, caption: "The run file as resolved")
    return page
  }

  /// The target around one token, candidates in their own order.
  private func figure(_ target: Target) -> any Figure {
    let distanceLoss = artifacts.distanceLosses[target.metric]
    let shown = target.distribution.sorted { order($0.text, distanceLoss.space) < order($1.text, distanceLoss.space) }
    let contrastiveExample = target.contrastiveExample.map { ", contrastive example \($0)" } ?? ""
    return BarChart(
      "Target around \"\(target.text)\"",
      subtitle: "\(distanceLoss.name), weight \(Quantity.number(target.weight)), perplexity "
        + "\(Quantity.number(target.perplexity))\(contrastiveExample)",
      categories: shown.map(\.text), y: Axis("probability", includesZero: true),
      groups: [BarChart.Group("target", shown.map(\.probability))])
  }

  private func order(_ text: String, _ space: TokenSpace) -> Int {
    space.candidate(of: artifacts.tokenizer.ids(of: text).last ?? -1) ?? .max
  }
}

extension Inspection.Token {
  fileprivate var kind: HTMLReport.TokenKind {
    if let metric { return .metric(metric) }
    return isUncovered ? .problem : isLearnt ? .learnt : .read
  }
}
