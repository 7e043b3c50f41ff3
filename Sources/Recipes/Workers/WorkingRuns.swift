// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports

extension RunStore {
  /// Starts the runs that are not finished yet, each group of them in a process of its own, with a bar and a row for each
  /// process.
  ///
  /// - Parameters:
  ///   - groups: names of all runs, by process.
  ///   - title: what the bar says before the number of runs.
  ///   - units: work of a run, if it is known beforehand; else the bar counts finished runs.
  ///   - unit: what that work is counted in.
  ///   - jobs: processes side by side.
  ///   - worker: command line of a process, from the names of its runs.
  /// - Throws: `WorkerFailure`; `InputError` if another process has runs of this folder going.
  package func run(
    _ groups: [[String]], title: String, units: [String: Int]? = nil, unit: String = "step", jobs: Int,
    worker: @escaping @Sendable ([String]) -> [String]
  ) throws {
    let unfinished = groups.map { $0.filter { !isFinished($0) } }.filter { !$0.isEmpty }
    let waiting = unfinished.flatMap(\.self)
    guard !waiting.isEmpty else { return }
    // A second process would train the same runs in the same folders.
    let lock = try FileLock(folder: folder + "/cells")
    defer { lock.unlock() }
    let bar = ProgressBar(
      "\(title): \(Quantity.counted(waiting.count, "training run"))",
      total: units.map { units in waiting.reduce(0) { $0 + units[$1]! } } ?? waiting.count,
      unit: units == nil ? "run" : unit)
    let rows = RunRows(bar, countsRuns: units == nil)
    let processes = Dictionary(uniqueKeysWithValues: unfinished.map { (processTitle($0), $0) })
    do {
      try WorkerPool(jobs: jobs) { worker(processes[$0] ?? []) }
        .run(unfinished.map(processTitle)) { name, message in rows.show(name, message) }
      bar.finish()
    } catch {
      let all = groups.flatMap(\.self)
      bar.fail("\(all.count { isFinished($0) }) of \(all.count) runs are kept; the same command goes on")
      throw error
    }
  }
}

/// What a process is called while it works.
private func processTitle(_ runs: [String]) -> String {
  runs[0] + (runs.count == 1 ? "" : " and \(runs.count - 1) more")
}

extension WorkerMessage {
  /// Tells it on standard output, as a worker does. Where nobody listens any more the worker ends.
  package func send() {
    guard let line = try? JSONEncoder().encode(self) else { return }
    if ByteStream.standardOutput.tryWrite(String(decoding: line, as: UTF8.self) + "\n") == EPIPE { _exit(1) }
  }
}
