// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Shows how far work has come, how quickly it goes and when it ends.
///
/// On a terminal one line per piece of work is drawn over, at most ten times a second; elsewhere a plain line appears
/// each further 10 % (at most one a second) and at least about every ten seconds, later more rarely. Everything goes to
/// standard error. Safe to use from several threads.
///
///     try ProgressBar.run("training", total: 250) { bar in
///       for step in 0..<250 { bar.advance(fields: ["loss": .number(try update(step))]) }
///     }
public final class ProgressBar: Sendable {
  private let board: Mutex<ProgressBoard>

  /// Starts a piece of work.
  ///
  /// - Parameters:
  ///   - total: how many units there are; nil if nobody knows.
  ///   - unit: what is counted, in the singular.
  ///   - completed: units done before, by the run that this one resumes; they do not count for the rate.
  ///   - clock: seconds since some moment.
  public init(
    _ title: String, total: Int? = nil, unit: String = "step", completed: Int = 0,
    terminal: Terminal = .standardError, clock: @escaping @Sendable () -> Double = monotonicSeconds
  ) {
    let now = clock()
    let work = ProgressState(title: title, unit: unit, total: total, completed: completed, now: now)
    var board = ProgressBoard(work, terminal, clock)
    board.draw(force: true)
    self.board = Mutex(board)
  }

  deinit { board.withLock { $0.leave() } }

  /// Counts `count` more units and shows these fields from now on.
  public func advance(by count: Int = 1, fields: KeyValuePairs<String, Quantity> = [:]) {
    board.withLock { $0.move(to: $0.work.completed + count, fields) }
  }

  /// Sets the count of completed units, and these fields.
  public func update(completed: Int, fields: KeyValuePairs<String, Quantity> = [:]) {
    board.withLock { $0.move(to: completed, fields) }
  }

  /// Ends the current phase with a line that stays, and starts the next one.
  public func beginPhase(_ title: String, total: Int? = nil, unit: String = "step") {
    board.withLock { $0.beginPhase(title, total, unit) }
  }

  /// Writes a line that stays above the bar.
  public func note(_ text: String) {
    board.withLock { $0.note(text) }
  }

  /// Ends the work: a line with its time and last fields stays.
  public func finish() {
    board.withLock { $0.end(nil) }
  }

  /// Ends the work because of `reason`.
  public func fail(_ reason: String) {
    board.withLock { $0.end(reason) }
  }

  /// Runs `body` with a bar that finishes with it, or fails with its error.
  public static func run<Result>(
    _ title: String, total: Int? = nil, unit: String = "step", terminal: Terminal = .standardError,
    _ body: (ProgressBar) throws -> Result
  ) rethrows -> Result {
    let bar = ProgressBar(title, total: total, unit: unit, terminal: terminal)
    do {
      let result = try body(bar)
      bar.finish()
      return result
    } catch {
      // Who catches the error says it, once.
      bar.fail("see below")
      throw error
    }
  }
}

extension ProgressBar {
  /// One of several pieces of work that go on side by side, shown on a line of its own under the bar's.
  ///
  /// The bar counts the pieces, its rows what is done inside each. Only terminals show rows.
  public final class Row: Sendable {
    private let bar: ProgressBar
    private let id: Int

    fileprivate init(_ bar: ProgressBar, _ id: Int) {
      self.bar = bar
      self.id = id
    }

    /// Counts `count` more units and shows these fields from now on.
    public func advance(by count: Int = 1, fields: KeyValuePairs<String, Quantity> = [:]) {
      bar.board.withLock { $0.move(row: id, by: count, fields) }
    }

    /// Takes the row away and counts `units` of the bar as done.
    public func finish(units: Int = 1, fields: KeyValuePairs<String, Quantity> = [:]) {
      bar.board.withLock { $0.remove(row: id) }
      bar.advance(by: units, fields: fields)
    }
  }

  /// Starts a piece of work beside others.
  public func row(_ title: String, total: Int? = nil, unit: String = "step") -> Row {
    Row(self, board.withLock { $0.addLane(title, total, unit) })
  }
}

/// Seconds that never jump, for measuring how long something takes.
public func monotonicSeconds() -> Double { ProcessInfo.processInfo.systemUptime }
