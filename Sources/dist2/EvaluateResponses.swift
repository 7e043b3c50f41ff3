// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
import Reports
import TokenData
import Torch

/// `dist2 evaluate RUN` of a run over whole responses: how often the better response has the higher reward.
struct EvaluateResponses {
  var source: DataSource
  /// File of the rewards; nil: in the run's folder.
  var output: String?
  var json: Bool
  /// Processes that share the work; nil for one alone.
  var group: ProcessGroup?

  func run(_ choice: ModelChoice) throws {
    let artifacts = try ResponseArtifacts(choice.artifacts)
    let dataset = try artifacts.responses(source, limit: artifacts.settings.evaluate.limit)
    let terminal = Terminal.standardError, name = source.name
    for remark in dataset.summary.remarks(artifacts.settings) { terminal.note(remark) }
    try group?.agree(on: [(key: "--data", summary: dataset.summary)])
    let total = dataset.count * ResponseEvaluation.passes(of: artifacts)
    let evaluation = try ProgressBar.run("reading \(name)", total: total, unit: "example") { bar in
      try ResponseEvaluation(artifacts, dataset, sharedBy: group, model: { try choice.load() }) {
        bar.update(completed: group.overall($0, of: total))
      }
    }
    guard group.isFirst else { return }
    let path = output ?? "\(choice.run?.path ?? ".")/rewards-\(name).jsonl"
    try evaluation.write(to: path)
    if json {
      print(String(decoding: try encodedJSON(evaluation.figures, pretty: true, path: "<stdout>"), as: UTF8.self))
    } else {
      let caption = "\(choice.name) on \(name), \(dataset.count) examples"
      print(evaluation.table(caption).text(terminal: .standardOutput))
      print("Rewards: \(path)")
    }
  }
}
