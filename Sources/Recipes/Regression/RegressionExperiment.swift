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
    let cells = store.settings.cells.map(\.name)
    let waiting = cells.filter { !store.isFinished($0) }
    guard !waiting.isEmpty else { return }
    let total = Dictionary(uniqueKeysWithValues: store.settings.cells.map { ($0.name, store.settings.work(of: $0)) })
    let bar = ProgressBar(
      "\(store.settings.table.rawValue): \(waiting.count) training runs",
      total: waiting.reduce(0) { $0 + total[$1]! }, unit: "step")
    let lanes = CellLanes(bar)
    do {
      try WorkerPool(jobs: jobs, command: worker).run(waiting) { cell, message in lanes.show(cell, message) }
      bar.finish()
    } catch {
      bar.fail("\(cells.count { store.isFinished($0) }) of \(cells.count) cells are kept; the same command goes on")
      throw error
    }
  }

  /// What is finished, in the settings' order.
  public func outcomes() throws -> [RegressionOutcome] {
    try store.settings.cells.compactMap { try store.result(of: $0.name) }
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report.
  public func report(command: String) throws -> RegressionReport {
    let report = RegressionReport(store.settings, try outcomes(), command: command)
    try AtomicFile.write(report.page.html.utf8, to: store.folder + "/report.html")
    try AtomicFile.write(report.markdown.utf8, to: store.folder + "/table.md")
    try AtomicFile.write(report.figure.svg(standalone: true).utf8, to: store.folder + "/figure.svg")
    return report
  }
}

extension RegressionSettings {
  /// Work of a cell in units of one training step; testing 20 problems counts as one.
  func work(of cell: RegressionCell) -> Int { epochs(cell.count) * cell.count + (testProblems + 19) / 20 }
}
