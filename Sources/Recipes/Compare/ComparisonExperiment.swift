// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports

/// A comparison from settings to report: runs side by side, kept one by one, so that an interrupted one goes on.
public struct ComparisonExperiment {
  /// Its folder and settings.
  public let store: RunStore<ComparisonSettings, ComparisonOutcome>

  /// Opens the folder of a comparison, or begins it. Seeds and objectives that it lacks are added to it.
  ///
  /// - Throws: `InputError` if the folder holds a comparison of another run file.
  public init(folder: String, settings: ComparisonSettings) throws {
    store = try RunStore(folder: folder, settings: settings) { $0.joined(with: $1) }
  }

  /// Starts the runs that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: runs side by side, each in a process of its own.
  ///   - worker: command line of the process of a run, from its name.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (String) -> [String]) throws {
    // Steps are known when a run has read its data; so runs are counted.
    try store.run(store.settings.runs.map(\.name), title: "comparing", jobs: jobs, worker: worker)
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report.
  public func report(command: String) throws -> ComparisonReport {
    let settings = store.settings
    let outcomes = try settings.runs.compactMap { run in
      try store.result(of: run.name).map { (run.variant, run.seed, $0) }
    }
    var run = settings.run
    run.path = settings.path
    let artifacts = try? RunArtifacts(run), training = artifacts.flatMap { TrainingAnswers($0) }
    let report = ComparisonReport(
      summary: ComparisonSummary(
        settings, run: run, outcomes: outcomes, answers: training,
        remarks: comparisonRemarks(outcomes.map { ($0.0.name, $0.2.records) }, artifacts, training)),
      command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: report.figure, json: report.json)
    return report
  }
}
