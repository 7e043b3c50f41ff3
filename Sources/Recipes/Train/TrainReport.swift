// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
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
    if let seconds = finish?.seconds { pairs.append(("time in the last process", "\(Quantity.duration(seconds))")) }
    return pairs
  }

  private func charts(_ records: [JSONObject]) -> [any Figure] {
    var names = ["loss"]
    for record in records {
      for (key, _) in record.members where key.hasPrefix("train/") {
        let name = String(key.dropFirst(6))
        if !names.contains(name), !["learning_rate", "gradient_norm", "tokens_per_second"].contains(name) {
          names.append(name)
        }
      }
    }
    let measured = artifacts.trained.measurementNames
    // With a single loss term it is the loss itself.
    let terms = names.filter { !measured.contains($0) }
    if terms.count == 2 { names = ["loss"] + names.filter(measured.contains) }
    var charts: [any Figure] = names.map { name in
      Chart(
        name == "loss" ? "Loss" : name,
        subtitle: name == "loss" ? "the objective" : measured.contains(name) ? "a mean" : "before its weight α",
        x: Axis("step"), y: Axis(name),
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
