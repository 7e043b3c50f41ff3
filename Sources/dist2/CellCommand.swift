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

/// One training run in a process of its own, started by the commands above.
struct CellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cell", shouldDisplay: false)
  @OptionGroup var options: CellOptions
  func run() throws {
    try runRegressionCell(named: options.cell, folder: options.folder, threads: options.threads)
  }
}
