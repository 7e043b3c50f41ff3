import Foundation
import Reports

/// A bar's rows, one for each run in progress. Called from the pool's threads.
final class RunRows: @unchecked Sendable {
  private let lock = NSLock()  // guards `open`
  private let bar: ProgressBar
  private var open: [String: (row: ProgressBar.Row, completed: Int)] = [:]
  private var finished = Set<String>()

  private let countsRuns: Bool

  /// - Parameter countsRuns: whether the bar counts finished runs instead of their units.
  init(_ bar: ProgressBar, countsRuns: Bool = false) { (self.bar, self.countsRuns) = (bar, countsRuns) }

  func show(_ runName: String, _ message: WorkerMessage) {
    lock.withLock {
      guard !finished.contains(runName) else { return }
      let (row, before) = open[runName] ?? (bar.row(runName, total: message.total), 0)
      let fields: KeyValuePairs<String, Quantity> =
        message.loss.map { ["loss": .number($0)] } ?? ["now": .text(message.phase)]
      if message.completed >= message.total {
        open[runName] = nil
        finished.insert(runName)
        row.finish(units: countsRuns ? 1 : message.completed - before)
      } else {
        open[runName] = (row, message.completed)
        row.advance(by: message.completed - before, fields: fields)
        if !countsRuns { bar.advance(by: message.completed - before) }
      }
    }
  }
}
