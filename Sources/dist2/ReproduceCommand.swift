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
    let path = try output ?? options.defaultFolder()
    let folder = try report ? begun(path) : folder(path, options, grid)
    if !report { try folder.run(jobs) }
    try folder.printReport(at: path, json: json)
  }

  private func folder<Options: ReproduceOptions>(
    _ path: String, _ options: Options, _ grid: GridOptions
  ) throws -> ExperimentFolder<Options.Chosen> {
    var experiment = try options.experiment()
    try grid.apply(to: &experiment)
    return try ExperimentFolder(path, experiment)
  }

  private func begun<E: Experiment>(_ path: String) throws -> ExperimentFolder<E> {
    guard fileExists(path + "/settings.json") else {
      throw InputError(
        path: path, expected: "the folder of an experiment that was begun", found: "none",
        remedy: "Leave out --report, or name the folder with --output.")
    }
    return try ExperimentFolder(path)
  }
}

extension ExperimentFolder {
  /// Starts what is not finished yet, in processes of this program.
  func run(_ jobs: JobOptions) throws {
    let place = path
    if let remark { Terminal.standardError.note(remark) }
    try run(jobs: jobs.count) { runs, sideBySide in
      [CommandLine.programPath, "reproduce", "run", E.name, "--folder", place] + runs.flatMap { ["--run", $0] }
        // A second thread would wait longer for its turn than the matrices of such short runs take.
        + ["--threads", E.sharesProcesses ? "1" : "\(jobs.threads(sideBySide: sideBySide))"]
    }
  }

  /// Writes the report and prints it.
  func printReport(at path: String, json: Bool) throws {
    let found = try report(command: CommandLine.asTyped)
    if json {
      print(try found.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(found.text(.standardOutput))
      print("Report: \(path)/report.html")
    }
  }
}
