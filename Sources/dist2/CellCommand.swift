import Experiments
import ArgumentParser
import Recipes

/// Which cell of which experiment a process of its own runs, and how a command says so to it.
struct CellOptions: ParsableArguments {
  @Option var folder: String
  @Option var cell: String
  @Option(transform: whole(1...4096)) var threads: Int

  /// The command line of such a process; `words` name the command.
  static func command(_ words: String..., folder: String, cell: String, threads: Int) -> [String] {
    [CommandLine.programPath] + words + ["--folder", folder, "--cell", cell, "--threads", "\(threads)"]
  }
}

/// One run of an experiment in a process of its own, started by `dist2 reproduce`.
struct CellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cell", shouldDisplay: false)
  @Argument var experiment: String
  @OptionGroup var options: CellOptions
  func run() throws {
    try runExperiment(experiment, run: options.cell, folder: options.folder, threads: options.threads)
  }
}
