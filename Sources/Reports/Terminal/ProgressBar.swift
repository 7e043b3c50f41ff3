import Foundation

/// Shows how far work has come, how quickly it goes and when it ends.
///
/// On a terminal one line per piece of work is drawn over, at most ten times a second; elsewhere a plain line appears
/// each further 10 % (at most one a second) and at least about every ten seconds, later more rarely. Everything goes to
/// standard error. Safe to use from several threads.
///
///     try ProgressBar.run("training", total: 250) { bar in
///       for step in 0..<250 { bar.advance(fields: ["loss": .number(try update(step))]) }
///     }
public final class ProgressBar: @unchecked Sendable {
  // The lock guards everything below it.
  private let lock = NSLock()
  private let terminal: Terminal
  private let clock: @Sendable () -> Double
  private var work: ProgressState
  private var rows: [(id: Int, work: ProgressState)] = []
  private var nextRow = 0
  private var display: LiveLines
  private var lastDrawn = -Double.infinity
  private var lastPercent = 0.0
  private var isOver = false

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
    self.terminal = terminal
    self.clock = clock
    display = LiveLines(terminal: terminal)
    work = ProgressState(title: title, unit: unit, total: total, completed: completed, now: clock())
    lastPercent = work.share ?? 0
    draw(force: true)
  }

  deinit {
    // Work that ended without saying so leaves the cursor on a line of its own.
    if !isOver { display.release() }
  }

  /// Counts `count` more units and shows these fields from now on.
  public func advance(by count: Int = 1, fields: KeyValuePairs<String, Quantity> = [:]) {
    lock.withLock {
      work.set(fields)
      work.move(to: work.completed + count, now: clock())
      draw(force: false)
    }
  }

  /// Sets the count of completed units, and these fields.
  public func update(completed: Int, fields: KeyValuePairs<String, Quantity> = [:]) {
    lock.withLock {
      work.set(fields)
      work.move(to: completed, now: clock())
      draw(force: false)
    }
  }

  /// Ends the current phase with a line that stays, and starts the next one.
  public func beginPhase(_ title: String, total: Int? = nil, unit: String = "step") {
    lock.withLock {
      close(mark: success)
      work = ProgressState(title: title, unit: unit, total: total, completed: 0, now: clock())
      lastPercent = 0
      draw(force: true)
    }
  }

  /// Writes a line that stays above the bar.
  public func note(_ text: String) {
    lock.withLock {
      display.above(text)
      if terminal.isInteractive, !isOver { draw(force: true) }
    }
  }

  /// Ends the work: a line with its time and last fields stays.
  public func finish() {
    lock.withLock {
      if !isOver { close(mark: success) }
      isOver = true
    }
  }

  /// Ends the work because of `reason`.
  public func fail(_ reason: String) {
    lock.withLock {
      if !isOver { close(mark: terminal.hasUnicode ? "✗" : "failed:", reason: reason, .red) }
      isOver = true
    }
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
      bar.fail("\(error)")
      throw error
    }
  }

  private var success: String { terminal.hasUnicode ? "✓" : "done:" }

  private func close(mark: String, reason: String? = nil, _ style: TextStyle = .green) {
    let line = work.lastLine(mark: mark, reason: reason, now: clock())
    display.above(terminal.styled(mark, style) + line.dropFirst(mark.count))
    rows = []
  }

  private func draw(force: Bool) {
    guard !isOver else { return }
    let now = clock()
    guard terminal.isInteractive else { return drawPlain(now, force) }
    guard force || now - lastDrawn >= 0.1 else { return }
    lastDrawn = now
    let size = terminal.size()
    // The last column stays empty: a full line makes some terminals wrap, and the next redraw miscounts.
    let width = max(10, size.columns - 1)
    let shown = rows.prefix(max(1, size.rows / 3))
    display.show(
      [work.line(width: width, terminal: terminal, now: now)]
        + shown.map { "  " + $0.work.line(width: width - 2, terminal: terminal, now: now) })
  }

  private func drawPlain(_ now: Double, _ force: Bool) {
    let percent = work.share ?? 0
    let elapsed = now - lastDrawn
    let isDue = elapsed >= max(10, (now - work.started) / 50) || (percent - lastPercent >= 0.0999 && elapsed >= 1)
    guard force || isDue else { return }
    (lastDrawn, lastPercent) = (now, percent)
    terminal.write(work.plainLine(now: now) + "\n")
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
      bar.change(id) { work, now in
        work.set(fields)
        work.move(to: work.completed + count, now: now)
      }
    }

    /// Takes the row away and counts `units` of the bar as done.
    public func finish(units: Int = 1, fields: KeyValuePairs<String, Quantity> = [:]) {
      bar.remove(id)
      bar.advance(by: units, fields: fields)
    }
  }

  /// Starts a piece of work beside others.
  public func row(_ title: String, total: Int? = nil, unit: String = "step") -> Row {
    lock.withLock {
      nextRow += 1
      rows.append(
        (nextRow, ProgressState(title: title, unit: unit, total: total, completed: 0, now: clock())))
      if terminal.isInteractive { draw(force: false) }
      return Row(self, nextRow)
    }
  }

  private func change(_ id: Int, _ body: (inout ProgressState, Double) -> Void) {
    lock.withLock {
      guard let index = rows.firstIndex(where: { $0.id == id }) else { return }
      body(&rows[index].work, clock())
      if terminal.isInteractive { draw(force: false) }
    }
  }

  private func remove(_ id: Int) {
    lock.withLock { rows.removeAll { $0.id == id } }
  }
}

/// Seconds that never jump, for measuring how long something takes.
public func monotonicSeconds() -> Double { ProcessInfo.processInfo.systemUptime }

/// Lines at the bottom of a terminal that are drawn over. Each change is one write, so that nothing flickers; the
/// cursor is never hidden, so that a killed process leaves nothing to repair.
private struct LiveLines: Sendable {
  let terminal: Terminal
  private var count = 0

  init(terminal: Terminal) {
    self.terminal = terminal
  }

  /// Moves to the first column of the first line drawn.
  private var home: String { (count > 1 ? "\u{1B}[\(count - 1)A" : "") + "\r" }

  mutating func show(_ lines: [String]) {
    // Erase what is left of each line after writing it, and what is left of longer drawings at the end.
    let text = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\n")
    terminal.write(home + text + (lines.count < count ? "\u{1B}[J" : ""))
    count = lines.count
  }

  /// Replaces what is drawn by a line that stays.
  mutating func above(_ line: String) {
    terminal.write((count > 0 ? home + "\u{1B}[J" : "") + line + "\n")
    count = 0
  }

  mutating func release() {
    if count > 0 { terminal.write("\n") }
    count = 0
  }
}
