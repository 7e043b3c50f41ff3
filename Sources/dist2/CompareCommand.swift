// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Files
import Objectives
import Recipes
import Reports

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
    guard !run.data.areCodes else {
      throw InputError(
        path: options.run, place: "key data.format", expected: "answers that can be tested", found: "codes",
        remedy: "Draw with each model (dist2 image-samples) and compare the images: dist2 image-metrics.")
    }
    let settings = try ComparisonSettings(
      run, objectives: presets, axes: over, seeds: Array(1...seeds), metric: metric)
    let folder = options.output ?? run.output + "-compare"
    let experiment = try ComparisonExperiment(folder: folder, settings: settings)
    let (jobs, threads) = jobs.division(of: settings.variants.count * seeds)
    try experiment.run(jobs: jobs) {
      RunWorkerOptions.command("compare-run", folder: folder, runName: $0, threads: threads)
    }
    let report = try experiment.report(command: CommandLine.asTyped)
    if json {
      print(try report.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(report.text(.standardOutput))
      print("Report: \(folder)/report.html")
    }
  }
}

/// One training run in a process of its own.
struct CompareRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare-run", shouldDisplay: false, aliases: ["compare-cell"])
  @OptionGroup var options: RunWorkerOptions
  func run() throws {
    try runComparison(named: options.runName, folder: options.folder, threads: options.threads)
  }
}
