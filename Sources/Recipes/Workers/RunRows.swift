// SPDX-License-Identifier: Apache-2.0
import Reports
import Synchronization

/// A bar's rows, one a running run. Called from the pool's threads.
final class RunRows: Sendable {
  private struct State: Sendable {
    var open: [String: (row: ProgressBar.Row, completed: Int)] = [:]
    var finished = Set<String>()
  }

  private let bar: ProgressBar
  private let state = Mutex(State())
  private let countsRuns: Bool

  /// - Parameter countsRuns: whether the bar counts finished runs instead of their units.
  init(_ bar: ProgressBar, countsRuns: Bool = false) { (self.bar, self.countsRuns) = (bar, countsRuns) }

  func show(_ runName: String, _ message: WorkerMessage) {
    state.withLock { state in
      guard !state.finished.contains(runName) else { return }
      let (row, before) = state.open[runName] ?? (bar.row(runName, total: message.total), 0)
      let fields: KeyValuePairs<String, Quantity> =
        message.loss.map { ["loss": .number($0)] } ?? ["now": .text(message.phase)]
      if message.completed >= message.total {
        state.open[runName] = nil
        state.finished.insert(runName)
        row.finish(units: countsRuns ? 1 : message.completed - before)
      } else {
        state.open[runName] = (row, message.completed)
        row.advance(by: message.completed - before, fields: fields)
        if !countsRuns { bar.advance(by: message.completed - before) }
      }
    }
  }
}
