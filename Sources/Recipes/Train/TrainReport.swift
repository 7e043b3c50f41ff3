// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Reports
import TokenData
import Training

/// The page of a run, written anew at every validation and checkpoint.
struct TrainReport {
  let artifacts: any TrainingArtifacts
  let folder: RunFolder
  let command: String
  let data: [DatasetSummary]

  /// Writes `report.html`.
  ///
  /// - Parameter finish: how the run ended; nil while it goes on.
  func write(
    _ samples: any ProgressSamples, _ finish: FinishMetrics?, also more: (inout HTMLReport) -> Void = { _ in }
  ) throws {
    try page(samples, finish, more).write(to: folder.report)
  }

  private func page(
    _ samples: any ProgressSamples, _ finish: FinishMetrics?, _ more: (inout HTMLReport) -> Void
  ) throws -> HTMLReport {
    let settings = artifacts.settings
    let name = URL(fileURLWithPath: settings.path).deletingPathExtension().lastPathComponent
    let model = URL(fileURLWithPath: artifacts.modelFolder).lastPathComponent
    let records = try MetricsLog.read(folder.metrics)
    var page = HTMLReport(
      name, subtitle: "\(model), objective \(settings.objective.choice.rawValue)", footer: "Made by dist2.")
    page.keyValues(state(records, finish))
    more(&page)
    page.section("Loss")
    page.figures(charts(records))
    for note in Self.silentNotes(silentTerms(records), crossEntropyIsReplaced: crossEntropyIsReplaced) {
      page.paragraph(note)
    }
    samples.add(to: &page)
    page.section("Data")
    page.table(dataTable)
    for summary in data {
      for remark in summary.remarks(settings) { page.warning(remark) }
      if !summary.skipped.isEmpty {
        page.details("Lines left out") { page in page.list(summary.skipped.map { "line \($0.line): \($0.reason)" }) }
      }
    }
    page.section("Settings")
    page.code(command, caption: "The command")
    page.details("The run file as resolved") { $0.code(settings.resolved.yaml) }
    return page
  }

  private func state(_ records: [JSONObject], _ finish: FinishMetrics?) -> [(key: String, value: String)] {
    let last = records.last { $0["train/loss"] != nil }
    func value(_ key: String) -> Double? { last?[key].flatMap(Double.init(setting:)) }
    let steps = artifacts.settings.train.length.steps(
      of: BatchPlan(count: data[0].examples, batch: artifacts.settings.train.batch))
    let done = last?["step"].flatMap(Int.init(setting:)) ?? 0
    var pairs = [(key: String, value: String)]()
    pairs.append(("state", finish.map { $0.reason == .completed ? "finished" : "stopped" } ?? "running"))
    pairs.append(("steps", "\(Quantity.count(done)) of \(Quantity.count(steps))"))
    if let loss = value("train/loss") { pairs.append(("last training loss", "\(Quantity.number(loss))")) }
    if let best = finish?.best {
      pairs.append(("best validation loss", "\(Quantity.number(best.loss)) after step \(best.step)"))
    }
    if let speed = value("train/tokens_per_second") {
      pairs.append(("speed", "\(Quantity.rate(speed, unit: "token"))"))
    }
    if let seconds = finish?.seconds { pairs.append(("time since the last start", "\(Quantity.duration(seconds))")) }
    return pairs
  }

  /// Names of loss terms and of what is measured beside them, in order; the loss itself is none.
  private func termNames(_ records: [JSONObject]) -> [String] {
    let others = ["loss", "learning_rate", "gradient_norm", "tokens_per_second"]
    return records.flatMap { $0.members.map(\.key) }.filter { $0.hasPrefix("train/") }.map { String($0.dropFirst(6)) }
      .filter { !others.contains($0) }.once
  }

  /// Loss terms that were 0 at every step: there is no curve to see.
  private func silentTerms(_ records: [JSONObject]) -> [String] {
    termNames(records).filter { name in
      let points = points(records, "train/" + name)
      return !artifacts.trained.measurementNames.contains(name) && !points.isEmpty && points.allSatisfy { $0.y == 0 }
    }
  }

  /// Whether targets over whole numbers stand in the place of the cross entropy.
  private var crossEntropyIsReplaced: Bool {
    (artifacts as? RunArtifacts)?.teacher?.rules.contains { $0?.isTaught == true && $0?.crossEntropy == .replaced }
      ?? false
  }

  /// Why the page has no chart of these loss terms: a sentence each.
  static func silentNotes(_ names: [String], crossEntropyIsReplaced: Bool) -> [String] {
    names.map { name in
      let isReplaced = name == "ce" && crossEntropyIsReplaced
      return "No chart of \(name == "ce" ? "the cross entropy" : name): it is 0 at every step"
        + (isReplaced
          ? ", since at all tokens that are learnt targets over whole numbers stand in its place (crossEntropy: replaced)."
          : ".")
    }
  }

  private func charts(_ records: [JSONObject]) -> [any Figure] {
    let measured = artifacts.trained.measurementNames, silent = silentTerms(records)
    let names = termNames(records).filter { !silent.contains($0) }, terms = names.filter { !measured.contains($0) }
    // A single loss term is the loss itself.
    let shown = ["loss"] + (terms.count > 1 ? names : names.filter(measured.contains))
    var charts: [any Figure] = shown.map { name in
      Chart(
        name == "loss" ? "Loss" : name == "ce" ? "Cross entropy" : name,
        subtitle: name == "loss" ? "the objective" : measured.contains(name) ? "a mean" : "before its weight α",
        x: Axis("step"), y: Axis(name == "ce" ? "nats a token" : name),
        series: [
          smoothed(Series("training", points(records, "train/" + name), style: .line)),
          Series("validation", points(records, "valid/" + name), style: .line),
        ].filter { !$0.points.isEmpty })
    }
    let errors = points(records, TaskErrorProbe.error)
    if !errors.isEmpty {
      charts.append(
        Chart(
          "Task error", subtitle: "mean absolute error of answers to validation examples", x: Axis("step"),
          y: Axis("error", includesZero: true), series: [Series("validation", errors, style: .line)]))
    }
    charts.append(
      Chart(
        "Gradient norm", subtitle: "before clipping", x: Axis("step"), y: Axis("norm"),
        series: [smoothed(Series("norm", points(records, "train/gradient_norm")))]))
    return charts
  }

  /// Long curves lose their noise, short ones nothing.
  private func smoothed(_ series: Series) -> Series { series.points.count > 40 ? series.smoothed(halfLife: 4) : series }

  /// At most a thousand points: means over equal stretches of steps.
  private func points(_ records: [JSONObject], _ key: String) -> [Series.Point] {
    let all = records.compactMap { record -> Series.Point? in
      guard let step = record["step"].flatMap(Double.init(setting:)),
        let value = record[key].flatMap(Double.init(setting:))
      else { return nil }
      return Series.Point(step, value)
    }
    let stretch = (all.count + 999) / 1000
    guard stretch > 1 else { return all }
    return Swift.stride(from: 0, to: all.count, by: stretch).map { start in
      let part = all[start..<min(start + stretch, all.count)]
      return Series.Point(part[part.endIndex - 1].x, part.reduce(0) { $0 + $1.y } / Double(part.count))
    }
  }

  private var dataTable: Table {
    // Responses have none counted.
    let metrics = zip(artifacts.settings.metrics, data[0].metrics).map(\.0.name)
    var table = Table(
      columns: [Table.Column("file")]
        + (["examples", "tokens", "learnt", "longest"] + metrics.map { "metric tokens: \($0)" }).map {
          Table.Column($0, alignment: .right)
        })
    for summary in data {
      table.add(
        [.text(URL(fileURLWithPath: summary.path).lastPathComponent)]
          + ([summary.examples, summary.tokens, summary.supervised, summary.longest] + summary.metrics.map(\.tokens))
          .map { .count($0) })
    }
    return table
  }
}
