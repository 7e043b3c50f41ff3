import Experiments
import ArgumentParser
import Recipes

/// Which run of which experiment a process of its own runs, and how a command says so to it.
struct RunWorkerOptions: ParsableArguments {
  @Option var folder: String
  @Option var runName: String
  @Option(transform: whole(1...4096)) var threads: Int

  /// The command line of such a process; `words` name the command.
  static func command(_ words: String..., folder: String, runName: String, threads: Int) -> [String] {
    [CommandLine.programPath] + words + ["--folder", folder, "--cell", runName, "--threads", "\(threads)"]
  }
}

/// One run of an experiment in a process of its own, started by `dist2 reproduce`.
struct RunWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cell", shouldDisplay: false)
  @Argument var experiment: String
  @OptionGroup var options: RunWorkerOptions
  func run() throws {
    try runExperiment(experiment, run: options.runName, folder: options.folder, threads: options.threads)
  }
}
