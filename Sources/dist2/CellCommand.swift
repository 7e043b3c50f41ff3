import ArgumentParser
import Recipes

/// One training run in a process of its own, started by the commands above.
struct CellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cell", shouldDisplay: false)
  @Option var folder: String
  @Option var cell: String
  @Option var threads: Int
  func run() throws { try runRegressionCell(named: cell, folder: folder, threads: threads) }
}
