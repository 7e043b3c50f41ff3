import Files
import Foundation
import Reports

/// The reward experiment from settings to report: cells side by side, kept one by one, so that an interrupted one goes
/// on.
public struct RewardExperiment {
  /// Its folder and settings.
  public let store: CellStore<RewardSettings, RewardOutcome>

  /// Opens the folder of an experiment, or begins it.
  ///
  /// - Throws: `InputError` if the folder holds another experiment.
  public init(folder: String, settings: RewardSettings) throws {
    store = try CellStore(folder: folder, settings: settings)
  }

  /// Runs the cells that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: cells side by side, each in a process of its own.
  ///   - worker: command line of the process that runs one cell, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    try store.run(store.settings.cells.map(\.name), title: "reward models", jobs: jobs, worker: worker)
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report, of what is finished.
  public func report(command: String) throws -> RewardReport {
    let outcomes = try store.settings.cells.compactMap { cell in
      try store.result(of: cell.name).map { (cell.arm, cell.seed, $0) }
    }
    let report = RewardReport(summary: RewardSummary(store.settings, outcomes), command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.summary.accuracyBars)
    return report
  }
}
