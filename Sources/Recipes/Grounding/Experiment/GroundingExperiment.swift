import Files
import Foundation
public import Reports

/// The grounding experiment from settings to report: data first, then fresh models' schooling, then cells side by side,
/// kept one by one, so that an interrupted one goes on.
public struct GroundingExperiment {
  /// Its folder and settings.
  public let store: CellStore<GroundingSettings, GroundingResult>
  private var material: GroundingMaterial { GroundingMaterial(folder: store.folder, settings: store.settings) }

  /// Opens the folder of an experiment, or begins it.
  ///
  /// - Throws: `InputError` for settings that make no sense, or if the folder holds another experiment.
  public init(folder: String, settings: GroundingSettings) throws {
    try settings.check()
    store = try CellStore(folder: folder, settings: settings)
  }

  /// Makes the data, if it is not there yet.
  ///
  /// - Parameter terminal: where the progress of rendering is shown.
  /// - Throws: `InputError` for rows that cannot be read.
  public func prepare(_ terminal: Terminal = .standardError) throws { try material.prepare(terminal) }

  /// Runs the cells that are not finished yet, once the data is there.
  ///
  /// - Parameters:
  ///   - jobs: cells side by side, each in a process of its own.
  ///   - worker: command line of the process that runs one cell, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    let schooling = store.settings.schooling, steps = store.settings.school.steps
    try store.run(
      schooling, title: "learning to see", units: Dictionary(uniqueKeysWithValues: schooling.map { ($0, steps) }),
      jobs: jobs, worker: worker)
    try store.run(store.settings.cells.map(\.name), title: "grounding", jobs: jobs, worker: worker)
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report, of what is finished.
  ///
  /// - Throws: `InputError` if the data is not there yet.
  public func report(command: String) throws -> GroundingExperimentReport {
    let outcomes = try store.settings.cells.compactMap { cell -> GroundingCellOutcome? in
      guard case .answered(let outcome) = try store.result(of: cell.name) else { return nil }
      return outcome
    }
    let summary = try GroundingSummary(material, outcomes)
    let report = GroundingExperimentReport(summary: summary, command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.bySize)
    return report
  }
}
