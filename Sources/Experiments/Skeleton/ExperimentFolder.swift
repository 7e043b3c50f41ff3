// SPDX-License-Identifier: Apache-2.0
public import Recipes
import Files
import Foundation
public import Reports
import Torch

/// The folder of an experiment: its settings, a file for each finished run, and the report. An interrupted experiment
/// goes on where it stopped.
///
///     runs/regression-small/settings.json
///     runs/regression-small/cells/dist-n10-seed1.json
///     runs/regression-small/report.html, report.json, table.md, figure.svg
public struct ExperimentFolder<E: Experiment> {
  /// Absolute: run files name their data as seen from themselves.
  public let path: String
  /// The settings in force.
  public let experiment: E
  /// What must be said of a folder that holds other variants or seeds than were asked for; nil where it holds the same.
  public let remark: String?
  private let outcomes: RunStore<E, E.Outcome>
  private let artifacts: RunStore<E, E.Artifact>

  /// Begins an experiment, or opens one that was begun: seeds and variants that it lacks are added to it.
  ///
  /// - Throws: `InputError` for settings that make no sense, inputs that are not there, or a folder that holds an
  ///   experiment of other settings.
  public init(_ path: String, _ experiment: E) throws {
    try experiment.validate()
    if !fileExists(path + "/settings.json") { try experiment.checkInputs() }
    try self.init(absolutePath(path)) { folder in
      var remark: String?
      let outcomes = try RunStore<E, E.Outcome>(folder: folder, settings: experiment) { kept, asked in
        remark = kept.remark(beside: asked)
        return kept.joined(with: asked)
      }
      return (outcomes, remark.map { "\(path) \($0)" })
    }
  }

  /// Opens an experiment that was begun, with its own settings.
  public init(_ path: String) throws {
    try self.init(absolutePath(path)) { (try RunStore(folder: $0), nil) }
  }

  private init(
    _ path: String, _ open: (String) throws -> (outcomes: RunStore<E, E.Outcome>, remark: String?)
  ) throws {
    self.path = path
    (outcomes, remark) = try open(path)
    experiment = outcomes.settings
    artifacts = try RunStore(folder: path)
  }

  /// The outcome of a run of the grid; nil if it is not finished.
  public func outcome(_ name: String) throws -> E.Outcome? { try outcomes.result(of: name) }
  /// The artifact of a stage's run; nil if it is not finished.
  public func artifact(_ name: String) throws -> E.Artifact? { try artifacts.result(of: name) }

  /// Makes what is shared, then runs what is not finished yet, each run in a process of its own.
  ///
  /// - Parameters:
  ///   - jobs: runs side by side at most.
  ///   - worker: command line of the process of runs, from their names and the number of processes side by side.
  /// - Throws: `WorkerFailure`; `InputError` if another process is working in this folder.
  public func run(
    jobs: Int, _ terminal: Terminal = .standardError,
    worker: @escaping @Sendable (_ runs: [String], _ sideBySide: Int) -> [String]
  ) throws {
    let jobs = E.runsAlone ? 1 : jobs
    try experiment.prepare(in: path, terminal)
    for stage in experiment.stages {
      let names = stage.runs
      try run(stage.title, names.map { [$0] }, jobs, units: stage.work.map { work in { _ in work } }, worker)
    }
    let grid = experiment.grid
    guard !E.sharesProcesses else {
      let groups = grid.seeds.flatMap { seed in
        grid.conditions.map { condition in grid.variants.map { grid.run($0, condition, seed: seed).name } }
      }
      return try run(E.name, groups, jobs, units: { _ in 1 }, worker)
    }
    let runs = Dictionary(uniqueKeysWithValues: grid.runs.map { ($0.name, $0) })
    let isKnown = runs.values.allSatisfy { experiment.work($0) != nil }
    try run(
      E.name, grid.runs.map { [$0.name] }, jobs,
      units: isKnown ? { runs[$0].flatMap(experiment.work) ?? 0 } : nil, worker)
  }

  private func run(
    _ title: String, _ groups: [[String]], _ jobs: Int, units: ((String) -> Int)?,
    _ worker: @escaping @Sendable ([String], Int) -> [String]
  ) throws {
    let sideBySide = max(1, min(jobs, groups.count))
    try outcomes.run(
      groups, title: title,
      units: units.map { units in Dictionary(uniqueKeysWithValues: groups.joined().map { ($0, units($0)) }) },
      unit: E.sharesProcesses ? "run" : "step", jobs: jobs
    ) { worker($0, sideBySide) }
  }

  /// Runs one artifact's run or one run of the grid in this process, and keeps its result.
  ///
  /// - Throws: `InputError` for a name that is none of the experiment's, and what the run throws.
  public func run(one name: String, threads: Int, tell: @escaping (WorkerMessage) -> Void = { _ in }) throws {
    Torch.threads = threads
    let context = RunContext(folder: path, name: name, tell: tell)
    if experiment.stages.contains(where: { $0.runs.contains(name) }) {
      try artifacts.keep(experiment.makeArtifact(context), of: name)
    } else {
      let run = try outcomes.run(named: name, among: experiment.grid.runs) { $0.name }
      try outcomes.keep(experiment.run(run, context), of: name)
    }
    // What a training would have been resumed from, if it kept any.
    try outcomes.dropCheckpoints(of: name)
  }

  /// Finished runs of the grid.
  public func results() throws -> Results<E.Outcome> {
    var found = [GridRun: E.Outcome]()
    for run in experiment.grid.runs { found[run] = try outcomes.result(of: run.name) }
    return Results(experiment.grid, found, folder: path)
  }

  /// Writes the report of what is finished into the folder, and returns it.
  public func report(command: String) throws -> ExperimentReport {
    var made = [String: E.Artifact]()
    for name in experiment.stages.flatMap(\.runs) { made[name] = try artifacts.result(of: name) }
    var report = try experiment.report(results(), made)
    report.command = command
    report.experiment = try JSON(
      parsing: String(decoding: encodedJSON(experiment, path: path), as: UTF8.self), path: path + "/settings.json")
    try report.write(to: path)
    return report
  }
}
