// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
import Reports
import TokenData
import Torch

/// `dist2 evaluate RUN --pairs FILE`: lets a reward model rate pairs of responses, and says how often it is right.
struct EvaluatePairs {
  /// Files, at least one.
  var pairs: DataSource
  /// Folder of RewardBench's files; nil for none.
  var output: String?
  var json: Bool
  var skipBad: Bool
  var limit: Int?
  /// Processes that share the work; nil for one alone.
  var group: ProcessGroup?

  /// - Parameter kind: what RewardBench's files call models like this one.
  func run(_ rewardModel: any RewardModel, kind: String, tokenBudget: Int?) throws {
    let set = try set(), total = set.distinctResponses
    let evaluation = try ProgressBar.run("rating responses", total: total, unit: "response") { bar in
      try PreferenceEvaluation(
        set, rewardModel, skipBad: skipBad, tokenBudget: tokenBudget, sharedBy: group
      ) { done, _ in bar.update(completed: group.overall(done, of: total)) }
    }
    try tell(evaluation, kind: kind)
  }

  /// Both responses shown at once, in both orders.
  func run(_ judge: PairwiseJudge) throws {
    let set = try set(), total = set.examples.count
    let evaluation = try ProgressBar.run("judging pairs", total: total, unit: "pair") { bar in
      try PreferenceEvaluation(set, judge, skipBad: skipBad, sharedBy: group) {
        bar.update(completed: group.overall($0, of: total))
      }
    }
    try tell(evaluation, kind: "Generative")
  }

  /// Each response embedded once, and compared with the others of its example.
  func run(_ model: PreferenceModel) throws {
    let set = try set(), total = set.examples.count
    let evaluation = try ProgressBar.run("comparing responses", total: total, unit: "example") { bar in
      try PreferenceEvaluation(set, model, skipBad: skipBad, sharedBy: group) {
        bar.update(completed: group.overall($0, of: total))
      }
    }
    try tell(evaluation, kind: "Custom Classifier")
  }

  private func set() throws -> PreferenceSet {
    let set = try PreferenceSet(pairs, skipBad: skipBad, limit: limit)
    for remark in set.remarks { Terminal.standardError.note(remark) }
    return set
  }

  private func tell(_ evaluation: PreferenceEvaluation, kind: String) throws {
    guard group.isFirst else { return }
    let terminal = Terminal.standardError
    if let first = evaluation.skipped.first {
      terminal.note("\(Quantity.counted(evaluation.skipped.count, "example")) left out, the first: \(first.reason)")
    }
    let report = PreferenceReport(
      rewardModel: evaluation.rewardModel, evaluation.outcomes, remarks: evaluation.remarks)
    if let output {
      for path in try PreferenceFiles(report, evaluation.outcomes, kind: kind).write(to: output) {
        terminal.write("written: \(path)\n")
      }
    }
    if json {
      print(try report.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(report.table.text(terminal: .standardOutput))
      if let languages = report.languageTable { print(languages.text(terminal: .standardOutput)) }
    }
  }
}
