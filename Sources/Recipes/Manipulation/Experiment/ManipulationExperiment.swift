import Files
import Foundation
import Reports
import Tabletop

/// The manipulation experiment from settings to report: cells side by side, kept one by one, so that an interrupted one
/// goes on.
public struct ManipulationExperiment {
  /// Its folder and settings.
  public let store: CellStore<ManipulationSettings, ManipulationOutcome>

  /// Opens the folder of an experiment, or begins it.
  ///
  /// - Throws: `InputError` for settings that make no sense, for a model that cannot see what it is shown, or if the
  ///   folder holds another experiment.
  public init(folder: String, settings: ManipulationSettings) throws {
    try settings.check()
    // Before the folder is taken: the next try has another model.
    if !fileExists(folder + "/settings.json") { try settings.checkModel() }
    store = try CellStore(folder: folder, settings: settings)
  }

  /// Runs the cells that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: cells side by side, each in a process of its own.
  ///   - worker: command line of the process that runs one cell, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    try store.run(store.settings.cells.map(\.name), title: "manipulation", jobs: jobs, worker: worker)
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report, of what is finished.
  public func report(command: String) throws -> ManipulationReport {
    let outcomes = try store.settings.cells.compactMap { try store.result(of: $0.name) }
    let report = ManipulationReport(summary: ManipulationSummary(store.settings, outcomes), command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.chart(.placement))
    return report
  }
}
