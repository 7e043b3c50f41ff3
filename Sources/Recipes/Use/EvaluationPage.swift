// SPDX-License-Identifier: Apache-2.0
import Evaluation
public import Reports

extension Evaluating {
  /// Adds the figures to a page, what was answered against what is right, and the worst answers.
  public func add(to page: inout HTMLReport, _ caption: String) {
    page.section("Test")
    if let verdict { page.verdict(verdict.label, verdict.text, verdict.outcome) }
    page.table(table(caption))
    if let numbersTable { page.table(numbersTable) }
    if let scatter { page.figures([scatter]) }
    if let worst { page.details("The ten answers that are farthest off") { $0.table(worst) } }
  }

  /// Whether the model is better than who always says the training answers' median; nil where that cannot be said.
  var verdict: (label: String, text: String, outcome: Verdict.Outcome)? {
    let judged: EvaluationMetric = summary[.readOutMAE] == nil ? .mae : .readOutMAE
    guard let error = summary[judged], let floor = summary.floors["median"]?[judged.rawValue],
      let ends = summary.intervals[judged.rawValue]
    else { return nil }
    let figures =
      "\(judged.label) \(Quantity.number(error)) [\(Quantity.number(ends[0])), \(Quantity.number(ends[1]))], always the "
      + "median \(Quantity.number(floor))."
    if ends[1] < floor { return ("Better than the median", figures, .better) }
    if ends[0] > floor {
      return ("Worse than the median", figures + " Nothing was learnt that helps: train longer or on more.", .worse)
    }
    return (
      "No better than the median is shown", figures + " Train longer or on more, or test on more examples.",
      .noDifferenceShown
    )
  }

  /// The verdict in words, for a terminal.
  public var verdictText: String? { verdict.map { "\($0.label): \($0.text)" } }

  /// Right answers and those of the model: the number read out of its distribution where there is one.
  private var scatter: (any Figure)? {
    let isReadOut = records.contains { !$0.beliefs.isEmpty }
    let points = records.compactMap { record -> Series.Point? in
      guard record.truth.count == 1, let value = isReadOut ? record.beliefs.first?.decision : record.values?.first
      else { return nil }
      return Series.Point(record.truth[0], value)
    }
    guard points.count > 1, let low = points.map(\.x).min(), let high = points.map(\.x).max(), low < high else {
      return nil
    }
    let shown = points.count <= 1000 ? points : (0..<1000).map { points[$0 * points.count / 1000] }
    return Chart(
      isReadOut ? "Numbers read out" : "Answers",
      subtitle: isReadOut
        ? "of the model's distributions; right ones lie on the line" : "right ones lie on the line",
      x: Axis("right"), y: Axis(isReadOut ? "read out" : "answered"),
      series: [Series("", shown, style: .points)], hasDiagonal: true)
  }

  private var worst: Table? {
    let ranked = records.compactMap { record in record.error.map { (record, $0) } }.sorted { $0.1 > $1.1 }
    guard !ranked.isEmpty else { return nil }
    let isReadOut = records.contains { !$0.beliefs.isEmpty }
    var table = Table(
      columns: (["example", "right", "answered"] + (isReadOut ? ["read out"] : [])).map { Table.Column($0) })
    for (record, _) in ranked.prefix(10) {
      table.add(
        [.text(record.id), .text(record.reference), .text(record.text)]
          + (isReadOut ? [record.beliefs.first.map { .text("\(Quantity.number($0.decision))") } ?? .missing] : []))
    }
    return table
  }
}
