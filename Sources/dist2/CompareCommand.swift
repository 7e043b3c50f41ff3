// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import Objectives
import Recipes

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Find out whether the metric helps: train with several objectives, test each, and compare.",
    discussion: """
      Every objective is trained on the same data in the same order from the same weights, once a seed, and tested on \
      the run's test file. The report holds intervals, paired tests of several figures with one correction for all, curves, \
      and a verdict that says "no difference shown" when that is so. No single answer decides it: errors are those of \
      answers moved into the training answers' range, unless --metric names another figure. An interrupted comparison \
      goes on where it stopped.

        dist2 compare run.yaml --objectives sft,dist --over objective.temperature=1,2,4 --seeds 5
      """)
  @OptionGroup var options: RunFileOptions
  @Option(help: "Objectives, comma separated: \(Preset.allCases.map(\.rawValue).joined(separator: ", ")).")
  var objectives = "sft,vocab,smooth,dist"
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Another axis: a key of the run file and its values. May be repeated.", valueName: "key=a,b,…"))
  var over: [String] = []
  @Option(help: "How many seeds.", transform: whole(OptionRange.seeds)) var seeds = 3
  @Option(help: "The figure verdicts are about, such as mae, rmse, exactMatch, crps. Default: what fits the answers.")
  var metric: String?
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Print table and verdicts as JSON.") var json = false

  func run() throws {
    let presets: [Preset] = try names(objectives, "--objectives")
    if let metric { let _: [EvaluationMetric] = try names(metric, "--metric") }
    let run = try options.settings()
    let experiment = try ComparisonExperiment(
      run, objectives: presets, axes: over, seeds: Array(1...seeds), metric: metric)
    let path = options.output ?? run.output + "-compare"
    let folder = try ExperimentFolder(path, experiment)
    try folder.run(jobs)
    try folder.printReport(at: path, json: json)
  }
}
