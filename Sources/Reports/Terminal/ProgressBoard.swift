// SPDX-License-Identifier: Apache-2.0
/// What a progress bar shows: its work, the rows under it, and what of them stands on the terminal.
struct ProgressBoard: Sendable {
  private let terminal: Terminal
  private let clock: @Sendable () -> Double
  private(set) var work: ProgressState
  private var rows: [(id: Int, work: ProgressState)] = []
  private var nextRow = 0
  private var display: LiveLines
  private var lastDrawn = -Double.infinity
  private var lastPercent: Double
  private var isOver = false

  init(_ work: ProgressState, _ terminal: Terminal, _ clock: @escaping @Sendable () -> Double) {
    (self.work, self.terminal, self.clock) = (work, terminal, clock)
    display = LiveLines(terminal: terminal)
    lastPercent = work.share ?? 0
  }

  /// Sets the count of completed units, and these fields.
  mutating func move(to completed: Int, _ fields: KeyValuePairs<String, Quantity>) {
    work.set(fields)
    work.move(to: completed, now: clock())
    draw(force: false)
  }

  /// Ends the current phase with a line that stays, and starts the next one.
  mutating func beginPhase(_ title: String, _ total: Int?, _ unit: String) {
    close(mark: success)
    work = ProgressState(title: title, unit: unit, total: total, completed: 0, now: clock())
    lastPercent = 0
    draw(force: true)
  }

  /// Writes a line that stays above the bar.
  mutating func note(_ text: String) {
    display.above(text)
    if terminal.isInteractive, !isOver { draw(force: true) }
  }

  /// Ends the work, well or because of `reason`, once.
  mutating func end(_ reason: String?) {
    guard !isOver else { return }
    if let reason {
      close(mark: terminal.hasUnicode ? "✗" : "failed:", reason: reason, .red)
    } else {
      close(mark: success)
    }
    isOver = true
  }

  /// Leaves the cursor on a line of its own after work that ended without saying so.
  mutating func leave() {
    if !isOver { display.release() }
  }

  private var success: String { terminal.hasUnicode ? "✓" : "done:" }

  private mutating func close(mark: String, reason: String? = nil, _ style: TextStyle = .green) {
    let width = terminal.isInteractive ? terminal.size().columns : nil
    let line = work.lastLine(mark: mark, reason: reason, now: clock(), width: width)
    display.above(terminal.styled(mark, style) + line.dropFirst(mark.count))
    rows = []
  }
}

extension ProgressBoard {
  /// Starts a piece of work beside others; its number.
  mutating func addLane(_ title: String, _ total: Int?, _ unit: String) -> Int {
    nextRow += 1
    rows.append((nextRow, ProgressState(title: title, unit: unit, total: total, completed: 0, now: clock())))
    if terminal.isInteractive { draw(force: false) }
    return nextRow
  }

  /// Counts `count` more units of a row and shows these fields from now on; nothing if it has been taken away.
  mutating func move(row id: Int, by count: Int, _ fields: KeyValuePairs<String, Quantity>) {
    guard let index = rows.firstIndex(where: { $0.id == id }) else { return }
    rows[index].work.set(fields)
    rows[index].work.move(to: rows[index].work.completed + count, now: clock())
    if terminal.isInteractive { draw(force: false) }
  }

  /// Takes a row away.
  mutating func remove(row id: Int) { rows.removeAll { $0.id == id } }
}

extension ProgressBoard {
  /// Draws what has changed, unless it was drawn a moment ago; `force` draws at once.
  mutating func draw(force: Bool) {
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

  private mutating func drawPlain(_ now: Double, _ force: Bool) {
    let percent = work.share ?? 0
    let elapsed = now - lastDrawn
    let isDue = elapsed >= max(10, (now - work.started) / 50) || (percent - lastPercent >= 0.0999 && elapsed >= 1)
    guard force || isDue else { return }
    (lastDrawn, lastPercent) = (now, percent)
    terminal.write(work.plainLine(now: now) + "\n")
  }
}

/// Lines at the bottom of a terminal that are drawn over. Each change is one write, so that nothing flickers; the cursor
/// is never hidden, so that a killed process leaves nothing to repair.
struct LiveLines: Sendable {
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
