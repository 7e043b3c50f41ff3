// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser
import Recipes

/// The run that a process of its own executes, and the command line that says so.
struct RunWorkerOptions: ParsableArguments {
  @Option var folder: String
  // `--cell`: the name of earlier versions.
  @Option(name: [.customLong("run"), .customLong("cell")]) var runName: String
  @Option(transform: whole(1...4096)) var threads: Int

  /// The command line of such a process; `words` name the command.
  static func command(_ words: String..., folder: String, runName: String, threads: Int) -> [String] {
    [CommandLine.programPath] + words + ["--folder", folder, "--run", runName, "--threads", "\(threads)"]
  }
}

/// One run of an experiment in a process of its own, started by `dist2 reproduce`.
struct RunWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "run", shouldDisplay: false, aliases: ["cell"])
  @Argument var experiment: String
  @OptionGroup var options: RunWorkerOptions
  func run() throws {
    try runExperiment(experiment, run: options.runName, folder: options.folder, threads: options.threads)
  }
}
