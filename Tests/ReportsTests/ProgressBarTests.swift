// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reports
import Synchronization
import Testing

/// What a terminal shows after what was written to it: enough of ECMA-48 for a progress bar.
private struct Screen {
  private(set) var lines: [[Character]] = [[]]
  private var (row, column) = (0, 0)

  init(_ written: String) {
    var rest = Substring(written)
    while let character = rest.popFirst() {
      switch character {
      case "\r": column = 0
      case "\r\n", "\n": newline()
      case "\u{1B}": control(&rest)
      default: put(character)
      }
    }
  }

  var text: [String] { lines.map { String($0) } }

  private mutating func put(_ character: Character) {
    while lines[row].count <= column { lines[row].append(" ") }
    lines[row][column] = character
    column += 1
  }

  private mutating func newline() {
    (row, column) = (row + 1, 0)
    if row == lines.count { lines.append([]) }
  }

  private mutating func control(_ rest: inout Substring) {
    rest.removeFirst()  // [
    let digits = rest.prefix { $0.isNumber || $0 == ";" }
    rest.removeFirst(digits.count)
    switch rest.removeFirst() {
    case "A": row -= Int(digits) ?? 1
    case "K": lines[row].removeSubrange(min(column, lines[row].count)...)
    case "J":
      lines[row].removeSubrange(min(column, lines[row].count)...)
      lines.removeSubrange((row + 1)...)
    case "m": break
    default: Issue.record("unknown control sequence")
    }
  }
}

/// A terminal and a clock that a test sets and reads.
private final class Stage: Sendable {
  private let texts = Mutex<[String]>([])
  private let seconds = Mutex(100.0)
  private let width = Mutex(80)
  var writes: [String] { texts.withLock { $0 } }
  var screen: [String] { Screen(writes.joined()).text }
  var now: Double {
    get { seconds.withLock { $0 } }
    set { seconds.withLock { $0 = newValue } }
  }
  var columns: Int {
    get { width.withLock { $0 } }
    set { width.withLock { $0 = newValue } }
  }

  func terminal(interactive: Bool = true, color: Bool = false, unicode: Bool = true) -> Terminal {
    Terminal(
      isInteractive: interactive, hasColor: color, hasUnicode: unicode,
      size: { [self] in Terminal.Size(columns: columns, rows: 24) },
      write: { [self] text in texts.withLock { $0.append(text) } })
  }

  func bar(
    _ terminal: Terminal, _ title: String = "training", total: Int? = 200, completed: Int = 0
  ) -> ProgressBar {
    ProgressBar(title, total: total, completed: completed, terminal: terminal, clock: { self.now })
  }
}

@Suite struct ProgressBarTests {
  @Test func showsShareCountTimeAndFields() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal())
    for step in 1...50 {
      stage.now += 0.5
      bar.advance(fields: ["loss": .number(2.0 / Double(step)), "memory": .bytes(1 << 30)])
    }
    #expect(
      stage.screen == [
        "training  ━━━━╸─────────────  25 %  50/200  ETA 1 min 15 s  2 step/s  loss 0.04"
      ])
    stage.columns = 120
    stage.now += 0.5
    bar.advance()
    #expect(
      stage.screen == [
        "training  ━━━━━━━━━━──────────────────────────────  25 %  51/200  ETA 1 min 15 s  2 step/s  loss 0.04  memory 1.0 GiB"
      ])
  }

  @Test func drawsAtMostTenTimesASecondInOneWriteEach() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), total: 10_000)
    for _ in 0..<10_000 {
      stage.now += 0.001
      bar.advance()
    }
    #expect(stage.writes.count <= 1 + 100)
    #expect(stage.writes.count >= 90)
    bar.finish()
    #expect(stage.screen == ["✓ training  10,000 steps  10 s", ""])
  }

  @Test func finishLeavesOneLineAndNothingElse() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal())
    stage.now += 192
    bar.update(completed: 200, fields: ["loss": .number(0.125)])
    bar.finish()
    bar.finish()
    bar.advance()
    bar.fail("too late")
    #expect(stage.screen == ["✓ training  200 steps  3 min 12 s  loss 0.125", ""])
  }

  @Test func failureSaysWhereAndWhy() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal())
    stage.now += 5
    bar.advance(by: 20)
    bar.fail("loss is NaN\nat step 20")
    #expect(stage.screen == ["✗ training  20/200 steps  5.0 s: loss is NaN at step 20", ""])
  }

  @Test func runFailsWithTheErrorOfItsBody() {
    struct Broken: Error, CustomStringConvertible { let description = "disk full" }
    let stage = Stage()
    #expect(throws: Broken.self) {
      try ProgressBar.run("saving", total: 2, terminal: stage.terminal()) { bar in
        bar.advance()
        throw Broken()
      }
    }
    // The error itself is said once, by the command.
    #expect(stage.screen[0].hasSuffix(": see below"))
    #expect(ProgressBar.run("saving", total: 2, terminal: stage.terminal()) { _ in 7 } == 7)
  }

  @Test func phasesAndNotesStayAbove() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), "load", total: nil)
    stage.now += 2
    bar.advance(by: 3)
    bar.beginPhase("train", total: 4)
    bar.note("sample: 0.39")
    stage.now += 2
    bar.advance(by: 2)
    #expect(
      stage.screen == [
        "✓ load  3 steps  2.0 s", "sample: 0.39",
        "train  ━━━━━━━━━━━━━━━━━━━━────────────────────  50 %  2/4  ETA 2.0 s  1 step/s",
      ])
  }

  @Test func lanesComeAndGo() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), "cells", total: 30)
    let rows = (1...3).map { bar.row("N=\($0)", total: 250) }
    stage.now += 1
    rows[0].advance(by: 100, fields: ["loss": .number(1)])
    stage.now += 1
    rows[1].advance(by: 50)
    #expect(stage.screen.count == 4)
    #expect(stage.screen[0].hasPrefix("cells  ─"))
    #expect(stage.screen[1].hasPrefix("  N=1  ━"))
    #expect(stage.screen[1].hasSuffix("loss 1"))
    stage.now += 1
    rows[0].finish()
    #expect(stage.screen.count == 3)
    #expect(stage.screen[0].contains("1/30"))
    #expect(stage.screen[1].hasPrefix("  N=2"))
    rows[0].advance()  // after its end: without effect
    for row in rows.dropFirst() { row.finish() }
    bar.finish()
    #expect(stage.screen == ["✓ cells  3/30 steps  3.0 s", ""])
  }

  @Test func plainLinesElsewhere() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(interactive: false), total: 1000)
    for _ in 0..<1000 {
      stage.now += 0.05
      bar.advance(fields: ["loss": .fixed(0.5, decimals: 2)])
    }
    bar.finish()
    let lines = stage.writes
    #expect(lines[0] == "training  0 %  0/1,000\n")
    #expect(lines[1] == "training  10 %  100/1,000  ETA 45 s  20 step/s  loss 0.50\n")
    #expect(lines.count == 12)
    #expect(lines.last == "✓ training  1,000 steps  50 s  loss 0.50\n")
    #expect(!lines.joined().contains("\u{1B}"))
    #expect(!lines.joined().contains("\r"))
  }

  @Test func plainLinesComeAtLeastEveryTenSecondsAtFirst() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(interactive: false), total: 1_000_000)
    for _ in 0..<300 {
      stage.now += 1
      bar.advance()
    }
    #expect((29...31).contains(stage.writes.count - 1))
    for _ in 0..<36_000 {
      stage.now += 1
      bar.advance()
    }
    // Ten hours later a line every 2 % of the time gone by.
    #expect(stage.writes.count < 400)
  }

  @Test func resumedWorkDoesNotCountForTheRate() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), total: 1000, completed: 900)
    stage.now += 10
    bar.advance(by: 10)
    #expect(stage.screen[0].contains("91 %  910/1,000  ETA 1 min 30 s  1 step/s"))
  }

  @Test func rateFollowsAChangeOfPace() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), total: 10_000)
    for step in 0..<200 {
      stage.now += step < 100 ? 1 : 0.5
      bar.advance()
    }
    #expect(stage.screen[0].contains("2 step/s"))
  }

  @Test(arguments: [1, 5, 10, 20, 30, 45, 79, 200])
  func neverWiderThanTheWindow(_ width: Int) {
    let stage = Stage()
    stage.columns = width
    let bar = stage.bar(stage.terminal(color: true), "a title that is rather long, 日本語")
    let row = bar.row("lane", total: 3)
    stage.now += 1
    bar.advance(by: 100, fields: ["loss": .text("x\u{1B}[9Ay"), "b": .count(123_456_789)])
    row.advance()
    for line in stage.screen { #expect(line.count <= max(10, width - 1)) }
  }

  @Test func asciiAndColour() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(unicode: false))
    stage.now += 1
    bar.advance(by: 100)
    #expect(stage.screen == ["training  ###############----------------  50 %  100/200  ETA 1.0 s  100 step/s"])
    bar.finish()
    #expect(stage.screen[0].hasPrefix("done: training"))
    let colored = Stage()
    _ = colored.bar(colored.terminal(color: true))
    #expect(colored.writes[0].contains("\u{1B}[1mtraining\u{1B}[0m"))
  }

  @Test func abandonedBarLeavesTheCursorOnALineOfItsOwn() {
    let stage = Stage()
    _ = stage.bar(stage.terminal())
    #expect(stage.writes.last == "\n")
  }

  @Test func manyThreadsMayAdvance() {
    let stage = Stage()
    let bar = stage.bar(stage.terminal(), total: 8000)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<1000 { bar.advance() }
    }
    bar.finish()
    #expect(stage.screen == ["✓ training  8,000 steps  0 s", ""])
  }
}

@Suite struct TerminalTests {
  @Test(arguments: [
    (["LANG": "de_DE.UTF-8"], true), (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], false), (["LANG": "C.utf8"], true),
    (["LC_ALL": "", "LC_CTYPE": "en_US.UTF-8"], true), ([:], false),
  ])
  func unicodeByLocale(_ environment: [String: String], _ expected: Bool) {
    #expect(Terminal(descriptor: -1, environment: environment).hasUnicode == expected)
  }

  @Test func aPipeIsPlain() throws {
    let pipe = Pipe()
    let terminal = Terminal(
      descriptor: pipe.fileHandleForWriting.fileDescriptor, environment: ["TERM": "xterm", "COLUMNS": "33"])
    #expect(!terminal.isInteractive)
    #expect(!terminal.hasColor)
    #expect(terminal.size() == Terminal.Size(columns: 33, rows: 24))
    #expect(terminal.styled("x", .bold, .red) == "x")
    terminal.write("größer")
    #expect(pipe.fileHandleForReading.availableData == Data("größer".utf8))
  }

  @Test func aPseudoTerminalIsInteractiveUnlessToldOtherwise() throws {
    var (master, slave): (Int32, Int32) = (-1, -1)
    var window = winsize(ws_row: 50, ws_col: 132, ws_xpixel: 0, ws_ypixel: 0)
    try #require(openpty(&master, &slave, nil, nil, &window) == 0)
    defer {
      close(slave)
      close(master)
    }
    let terminal = Terminal(descriptor: slave, environment: ["TERM": "xterm", "COLUMNS": "33"])
    #expect(terminal.isInteractive)
    #expect(terminal.hasColor)
    #expect(terminal.size() == Terminal.Size(columns: 132, rows: 50))
    #expect(terminal.styled("x", .bold, .red) == "\u{1B}[1;31mx\u{1B}[0m")
    let plain = Terminal(descriptor: slave, environment: ["TERM": "xterm", "NO_COLOR": "1"])
    #expect(plain.isInteractive)
    #expect(!plain.hasColor)
    #expect(Terminal(descriptor: slave, environment: ["TERM": "xterm", "NO_COLOR": ""]).hasColor)
    #expect(!Terminal(descriptor: slave, environment: ["TERM": "dumb"]).isInteractive)
    #expect(!Terminal(descriptor: slave, environment: [:]).isInteractive)
  }
}
