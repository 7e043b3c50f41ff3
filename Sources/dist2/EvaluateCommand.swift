// SPDX-License-Identifier: Apache-2.0
import TaskData
import ArgumentParser
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import TokenData
import Torch

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Let a model answer a file of examples and evaluate the answers.",
    discussion: """
      Prints the figures that fit the answers (exact match, MAE, RMSE, relative error, R², Spearman, digit accuracy; \
      IoU for boxes; CRPS and coverage with --set evaluate.distribution=true) and writes every prediction to \
      predictions-NAME.jsonl in the run's folder.

      With --pairs a reward model rates preferred and rejected responses (RewardBench, M-RewardBench, RewardBench 2, \
      RM-Bench, JudgeBench, LLMBar, HelpSteer2-Preference, MT-Bench's human judgements, any prompt/chosen/rejected); \
      docs/reward-benchmarks.md has the formats and files.

      A run whose objective is over whole responses (dpo, kto …) is asked which of held-out responses is the better: \
      accuracy, margin, and what their lengths alone explain; docs/guides/preferences.md.

      With --boxes a model that sees finds what referring expressions mean: files of dist2 new-data grounding, a split \
      each; docs/grounding.md.
      """)
  @OptionGroup var model: ModelOptions
  @Option(
    help:
      "Examples: JSONL, a JSON array, CSV or TSV, or a pattern in quotes. Default: the run's test file, else its validation file."
  ) var data: String?
  @Option(
    parsing: .singleValue,
    help: "Preferences, JSONL or a JSON array: rate responses instead of answering. A pattern in quotes, or repeated.")
  var pairs: [String] = []
  @Option(help: "Referring expressions with boxes, JSONL, comma separated: a table by split, and a page with images.")
  var boxes: String?
  @Option(
    help:
      "With --boxes: cells of the grid that coordinates count, as for dist2 new-data grounding. Default: \(GroundingTemplate().side).",
    transform: whole(2...1_048_576))
  var grid = GroundingTemplate().side
  @Option(
    help: "With --boxes: boxes as this Qwen2.5-VL or Qwen3-VL folder's model writes them, in the place of a grid.",
    completion: .directory)
  var boxesOf: String?
  @Flag(
    help:
      "With --pairs: show the model both responses at once, in both orders, and read which letter it prefers; no reward model is needed."
  ) var pairwise = false
  @Flag(help: "Leave out lines that cannot be used, and count them (data.skipBad).") var skipBad = false
  @Option(
    name: [.short, .long],
    help: "Where to write the predictions; with --pairs, a folder for RewardBench's files; with --boxes, for the page.")
  var output: String?
  @Flag(help: "Print the figures as JSON.") var json = false
  @OptionGroup var processes: ProcessOptions

  func validate() throws {
    if pairwise, pairs.isEmpty { throw ValidationError("--pairwise goes with --pairs.") }
  }

  func run() throws {
    try processes.launch()
    try processes.shared(evaluate)
  }

  private func evaluate(sharedBy group: ProcessGroup?) throws {
    let choice = try model.choice(setting: skipBad ? ["data.skipBad=true"] : [])
    let settings = choice.artifacts.settings
    try group?.agree(on: settings)
    if let boxes {
      guard pairs.isEmpty, data == nil, !json else { throw ValidationError("--boxes goes with --output alone") }
      let files = boxes.split(separator: ",").map(String.init).once
      return try EvaluateBoxes(
        files: files, grid: grid, boxesOf: boxesOf, output: output ?? choice.run?.path ?? ".", group: group
      ).run(choice)
    }
    if !pairs.isEmpty {
      let command = EvaluatePairs(
        pairs: DataSource(pairs), output: output, json: json, skipBad: skipBad, limit: settings.evaluate.limit,
        group: group)
      if pairwise { return try command.run(PairwiseJudge(choice)) }
      if choice.isOfPreferences { return try command.run(PreferenceModel(choice)) }
      return try command.run(
        loadRewardModel(choice), kind: choice.artifacts.rating == nil ? "Generative" : "Seq. Classifier",
        tokenBudget: settings.evaluate.tokenBudget)
    }
    guard let source = data.map({ DataSource($0) }) ?? settings.data.test ?? settings.data.valid else {
      throw InputError(
        path: "<arguments>", place: "--data", expected: "a file of examples",
        found: "none, and the run has no test file",
        remedy: "Add --data test.jsonl.")
    }
    let name = source.name
    if try ResponseEvaluation.reads(source, settings) {
      return try EvaluateResponses(source: source, output: output, json: json, group: group).run(choice)
    }
    let dataset = try choice.artifacts.dataset(source)
    let terminal = Terminal.standardError
    for remark in dataset.summary.remarks(settings) { terminal.note(remark) }
    try group?.agree(on: [(key: "--data", summary: dataset.summary)])
    let model = try choice.load()
    try group?.agree(on: model)
    let total = min(settings.evaluate.limit ?? .max, dataset.count)
    let result = try ProgressBar.run("answering \(name)", total: total, unit: "example") { bar in
      try Evaluating(choice.artifacts, model, dataset, run: choice.run, sharedBy: group) { done, _ in
        bar.update(completed: group.overall(done, of: total))
      }
    }
    guard group.isFirst else { return }
    let predictions = output ?? "\(choice.run?.path ?? ".")/predictions-\(name).jsonl"
    try result.write(to: predictions)
    if json {
      print(String(decoding: try encodedJSON(result.summary, pretty: true, path: "<stdout>"), as: UTF8.self))
    } else {
      print(
        result.table("\(choice.name) on \(name), \(result.records.count) examples").text(terminal: .standardOutput))
      if let numbers = result.numbersTable { print("\n" + numbers.text(terminal: .standardOutput)) }
      if let verdict = result.verdictText { print(Terminal.standardOutput.prose(verdict)) }
      print("Predictions: \(predictions)")
    }
  }
}
