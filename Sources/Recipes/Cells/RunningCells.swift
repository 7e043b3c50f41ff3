import Files
import Foundation
import Reports

extension CellStore {
  /// Runs the cells that are not finished yet, each in a process of its own, with a bar and a lane for each.
  ///
  /// - Parameters:
  ///   - cells: names of all cells.
  ///   - title: what the bar says before the number of runs.
  ///   - units: work of a cell, if it is known beforehand; else the bar counts finished cells.
  ///   - unit: what that work is counted in.
  ///   - jobs: cells side by side.
  ///   - worker: command line of the process that runs one cell, from its name.
  /// - Throws: `WorkerFailure`; `InputError` if another process is running cells of this folder.
  package func run(
    _ cells: [String], title: String, units: [String: Int]? = nil, unit: String = "step", jobs: Int,
    worker: @escaping @Sendable (String) -> [String]
  ) throws {
    let waiting = cells.filter { !isFinished($0) }
    guard !waiting.isEmpty else { return }
    // A second process would train the same cells in the same folders.
    let lock = try FileLock(folder: folder + "/cells")
    defer { lock.unlock() }
    let bar = ProgressBar(
      "\(title): \(waiting.count) training run\(waiting.count == 1 ? "" : "s")",
      total: units.map { units in waiting.reduce(0) { $0 + units[$1]! } } ?? waiting.count,
      unit: units == nil ? "run" : unit)
    let lanes = CellLanes(bar, countsCells: units == nil)
    do {
      try WorkerPool(jobs: jobs, command: worker).run(waiting) { cell, message in lanes.show(cell, message) }
      bar.finish()
    } catch {
      bar.fail("\(cells.count { isFinished($0) }) of \(cells.count) cells are kept; the same command goes on")
      throw error
    }
  }
}

extension CellStore {
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
