import Reports
import Synchronization

/// A bar's lanes, one a running cell. Called from the pool's threads.
final class CellLanes: Sendable {
  private struct State: Sendable {
    var open: [String: (lane: ProgressBar.Lane, completed: Int)] = [:]
    var finished = Set<String>()
  }

  private let bar: ProgressBar
  private let state = Mutex(State())
  private let countsCells: Bool

  /// - Parameter countsCells: whether the bar counts finished cells instead of their units.
  init(_ bar: ProgressBar, countsCells: Bool = false) { (self.bar, self.countsCells) = (bar, countsCells) }

  func show(_ cell: String, _ message: WorkerMessage) {
    state.withLock { state in
      guard !state.finished.contains(cell) else { return }
      let (lane, before) = state.open[cell] ?? (bar.lane(cell, total: message.total), 0)
      let fields: KeyValuePairs<String, Quantity> =
        message.loss.map { ["loss": .number($0)] } ?? ["now": .text(message.phase)]
      if message.completed >= message.total {
        state.open[cell] = nil
        state.finished.insert(cell)
        lane.finish(units: countsCells ? 1 : message.completed - before)
      } else {
        state.open[cell] = (lane, message.completed)
        lane.advance(by: message.completed - before, fields: fields)
        if !countsCells { bar.advance(by: message.completed - before) }
      }
    }
  }
}
