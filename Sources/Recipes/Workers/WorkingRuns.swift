// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports

extension RunStore {
  /// Starts the runs that are not finished yet, each in a process of its own, with a bar and a row for each.
  ///
  /// - Parameters:
  ///   - runNames: names of all runs.
  ///   - title: what the bar says before the number of runs.
  ///   - units: work of a run, if it is known beforehand; else the bar counts finished runs.
  ///   - unit: what that work is counted in.
  ///   - jobs: runs side by side.
  ///   - worker: command line of the process of a run, from its name.
  /// - Throws: `WorkerFailure`; `InputError` if another process has runs of this folder going.
  package func run(
    _ runNames: [String], title: String, units: [String: Int]? = nil, unit: String = "step", jobs: Int,
    worker: @escaping @Sendable (String) -> [String]
  ) throws {
    let waiting = runNames.filter { !isFinished($0) }
    guard !waiting.isEmpty else { return }
    // A second process would train the same runs in the same folders.
    let lock = try FileLock(folder: folder + "/cells")
    defer { lock.unlock() }
    let bar = ProgressBar(
      "\(title): \(waiting.count) training run\(waiting.count == 1 ? "" : "s")",
      total: units.map { units in waiting.reduce(0) { $0 + units[$1]! } } ?? waiting.count,
      unit: units == nil ? "run" : unit)
    let rows = RunRows(bar, countsRuns: units == nil)
    do {
      try WorkerPool(jobs: jobs, command: worker).run(waiting) { runName, message in rows.show(runName, message) }
      bar.finish()
    } catch {
      bar.fail("\(runNames.count { isFinished($0) }) of \(runNames.count) runs are kept; the same command goes on")
      throw error
    }
  }
}

extension RunStore {
  /// Writes a report's `report.html`, `table.md`, `figure.svg` and `report.json` into the folder.
  func write(page: HTMLReport, markdown: String, figure: any Figure, json: JSON) throws {
    try AtomicFile.write(json, to: folder + "/report.json")
    try AtomicFile.write(page.html.utf8, to: folder + "/report.html")
    try AtomicFile.write(markdown.utf8, to: folder + "/table.md")
    try AtomicFile.write(figure.svg(standalone: true).utf8, to: folder + "/figure.svg")
  }
}

extension WorkerMessage {
  /// Tells it on standard output, as a worker does. Where nobody listens any more the worker ends.
  package func send() {
    guard let line = try? JSONEncoder().encode(self) else { return }
    if ByteStream.standardOutput.tryWrite(String(decoding: line, as: UTF8.self) + "\n") == EPIPE { _exit(1) }
  }
}
