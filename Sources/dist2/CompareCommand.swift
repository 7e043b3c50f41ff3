// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import Objectives
import Recipes

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract:
      "Train with several objectives, test each, and compare: does the metric help, which orders responses best?",
    discussion: """
      Every objective is trained on the same data in the same order from the same weights, once a seed, and tested on \
      the run's test file. The report holds intervals, paired tests of several figures with one correction for all, curves, \
      and a verdict that says "no difference shown" when that is so. No single answer decides it: errors are those of \
      answers moved into the training answers' range, unless --metric names another figure. An interrupted comparison \
      goes on where it stopped.

        dist2 compare run.yaml --objectives sft,dist --seeds 5
        dist2 compare run.yaml --over objective.temperature=1,2,4

      Objectives over whole responses (dpo, ipo, simpo, infoNCA …) are tested by which of held-out responses is the better \
      one: accuracy, expected score, and what length alone explains. All are compared with raft, which imitates the best \
      response, or else with the first. Numbers are each objective's own, but for that of the run file; --over varies them.

        dist2 compare dpo.yaml --variants raft,dpo,ipo,simpo --seeds 5
      """)
  @OptionGroup var options: RunFileOptions
  @Option(
    name: [.customLong("objectives"), .customLong("variants")],
    help:
      "Objectives of one family, comma separated: \(ObjectivePreset.allCases.map(\.rawValue).joined(separator: ", ")). Default: sft,vocab,smooth,dist; of responses raft and the run file's own."
  )
  var objectives: String?
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Another axis: a key of the run file and its values. May be repeated.", valueName: "key=a,b,…"))
  var over: [String] = []
  @Option(help: "How many seeds. Default: 3.", transform: whole(OptionRange.seeds)) var seeds = 3
  @Option(
    help:
      "The figure verdicts are about, such as mae, rmse, exactMatch, crps; of responses accuracy, expectedScore, bestScore or likelihood. Default: what fits."
  )
  var metric: String?
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Print table and verdicts as JSON.") var json = false

  func run() throws {
    let run = try options.settings(), own = run.objective.choice
    let usual = own.isOfTokens ? "sft,vocab,smooth,dist" : "raft,\(own.rawValue)"
    let choices: [ObjectivePreset] = try names(objectives ?? usual, "--objectives")
    if let metric, choices.allSatisfy(\.isOfTokens) { let _: [EvaluationMetric] = try names(metric, "--metric") }
    let experiment = try ComparisonExperiment(
      run, choices: choices, axes: over, seeds: Array(1...seeds), metric: metric)
    let path = options.output ?? run.output + "-compare"
    let folder = try ExperimentFolder(path, experiment)
    try folder.run(jobs)
    try folder.printReport(at: path, json: json)
  }
}
