import Files
import Foundation
import Objectives
import Reports

/// The toy experiment from settings to report: cells side by side, kept one by one, so that an interrupted run goes on.
public struct RegressionExperiment {
  /// Its folder and settings.
  public let store: CellStore<RegressionSettings, RegressionOutcome>

  /// Opens the folder of an experiment, or begins it.
  ///
  /// - Throws: `InputError` if the folder holds another experiment.
  public init(folder: String, settings: RegressionSettings) throws {
    try settings.check()
    store = try CellStore(folder: folder, settings: settings)
  }

  /// Runs the cells that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: cells side by side, each in a process of its own.
  ///   - worker: command line of the process that runs one cell, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    let settings = store.settings
    try store.run(
      settings.cells.map(\.name), title: settings.table.rawValue,
      units: Dictionary(uniqueKeysWithValues: settings.cells.map { ($0.name, settings.work(of: $0)) }), jobs: jobs,
      worker: worker)
  }

  /// What is finished, in the settings' order.
  public func outcomes() throws -> [RegressionOutcome] {
    try store.settings.cells.compactMap { try store.result(of: $0.name) }
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report.
  public func report(command: String) throws -> RegressionReport {
    let report = RegressionReport(store.settings, try outcomes(), command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.figure)
    return report
  }
}

extension RegressionSettings {
  /// Work of a cell in units of one training step; testing 20 problems counts as one.
  func work(of cell: RegressionCell) -> Int { epochs(cell.count) * cell.count + (testProblems + 19) / 20 }
}
