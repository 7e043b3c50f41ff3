// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser
import Files
import Foundation
import Recipes
import Reports

struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Redo one of the paper's experiments and set the result beside the paper's own.",
    subcommands: [
      Reproduce<RegressionOptions>.self, Reproduce<AblationOptions>.self, Reproduce<RewardOptions>.self,
      Reproduce<GroundingOptions>.self, Reproduce<ManipulationOptions>.self, Reproduce<ImageOptions>.self,
      Reproduce<GradientOptions>.self, Reproduce<OverheadOptions>.self, ProbeCommand.self, ClaimsCommand.self,
      RunWorkerCommand.self,
    ])
}

/// The options of an experiment that are its own, and the experiment that they make.
protocol ReproduceOptions: ParsableArguments {
  associatedtype Chosen: Experiment
  /// Name and help of the command.
  static var command: CommandConfiguration { get }
  /// The experiment, with the grid of its scale.
  func experiment() throws -> Chosen
  /// Folder of results where none is named.
  func defaultFolder() throws -> String
}

/// `dist2 reproduce NAME`, for any experiment.
struct Reproduce<Options: ReproduceOptions>: ParsableCommand {
  static var configuration: CommandConfiguration { Options.command }
  @OptionGroup var options: Options
  @OptionGroup var grid: GridOptions
  @OptionGroup var running: RunningOptions

  func run() throws { try running.run(options, grid) }
}

/// How an experiment is run and reported.
struct RunningOptions: ParsableArguments {
  @OptionGroup var jobs: JobOptions
  @Option(
    name: .shortAndLong, help: "Folder for results; an experiment that was interrupted goes on there.",
    completion: .directory) var output: String?
  @Flag(help: "Run nothing; report what is finished.") var report = false
  @Flag(help: "Print the report as JSON (report.json).") var json = false

  func run<Options: ReproduceOptions>(_ options: Options, _ grid: GridOptions) throws {
    var experiment = try options.experiment()
    try grid.apply(to: &experiment)
    let path = try output ?? options.defaultFolder()
    let folder = try ExperimentFolder(path, experiment)
    if !report {
      let jobs = jobs, place = folder.path
      try folder.run(jobs: jobs.count) { run, sideBySide in
        [
          CommandLine.programPath, "reproduce", "run", Options.Chosen.name, "--folder", place, "--run", run,
          "--threads", "\(jobs.threads(sideBySide: sideBySide))",
        ]
      }
    }
    let found = try folder.report(command: CommandLine.asTyped)
    if json {
      print(try found.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(found.text(.standardOutput))
      print("Report: \(path)/report.html")
    }
  }
}
