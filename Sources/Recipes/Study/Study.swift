// SPDX-License-Identifier: Apache-2.0
import Files
import Reports

/// A study from settings to report: problems and seeds side by side, kept one by one, so that an interrupted one goes
/// on.
public struct Study {
  /// Its folder and settings.
  public let store: RunStore<StudySettings, StudyOutcome>

  /// Opens the folder of a study, or begins it. Seeds and problems that it lacks are added to it.
  ///
  /// - Throws: `InputError` if the folder holds a study of other objectives or steps.
  public init(folder: String, settings: StudySettings) throws {
    store = try RunStore(folder: folder, settings: settings) { $0.joined(with: $1) }
  }

  /// Opens the folder of a study that was begun.
  public init(folder: String) throws { store = try RunStore(folder: folder) }

  /// Starts the runs that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: runs side by side, each in a process of its own.
  ///   - worker: command line of the process of a run, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    let runs = store.settings.runs.map(\.name), count = store.settings.variants.count
    try store.run(
      runs, title: "study", units: Dictionary(uniqueKeysWithValues: runs.map { ($0, count) }), unit: "run",
      jobs: jobs,
      worker: worker)
  }

  /// Writes `report.html`, `table.md`, `figure.svg` and `report.json` into the folder and returns the report.
  public func report(command: String) throws -> StudyReport {
    let outcomes = try store.settings.runs.compactMap { try store.result(of: $0.name) }
    let report = try StudyReport(store.settings, outcomes, command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.figure, json: report.json)
    return report
  }
}
