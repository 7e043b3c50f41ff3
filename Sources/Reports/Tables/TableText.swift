// SPDX-License-Identifier: Apache-2.0
extension Table {
  /// How a table is drawn in text.
  public enum Style: Sendable, Hashable {
    /// Lines around and between, where the terminal has the characters for it.
    case box
    /// Columns apart by two spaces, a rule under the heading.
    case plain
  }

  /// The table for a terminal of the given width: long text cells are cut, and if that does not do, columns move to
  /// further blocks that repeat the first column. Numbers are never cut.
  ///
  /// - Parameter width: columns of the terminal; nil asks the terminal.
  public func text(style: Style = .box, terminal: Terminal, width: Int? = nil) -> String {
    let width = width ?? terminal.size().columns
    let layout = TableLayout(table: self, style: style, terminal: terminal, width: width)
    var text = caption.isEmpty ? "" : terminal.styled(caption.onOneLine, .bold) + "\n"
    text += layout.blocks.map { layout.draw($0) }.joined(separator: "\n")
    // On a terminal lines end between words; a program gets a note on one line.
    for note in notes {
      for line in terminal.isInteractive ? note.onOneLine.wrapped(to: width) : [note.onOneLine] {
        text += terminal.styled(line, .dim) + "\n"
      }
    }
    return text
  }
}

/// Where each column of a table goes, and how it is drawn.
private struct TableLayout {
  let table: Table
  let terminal: Terminal
  let frame: Frame
  let cells: [[String]]
  let alignments: [Table.Alignment]
  var widths: [Int] = []
  /// The columns of each block, from the left.
  var blocks: [[Int]] = []

  init(table: Table, style: Table.Style, terminal: Terminal, width: Int) {
    self.table = table
    self.terminal = terminal
    frame = style == .plain ? .plain : terminal.hasUnicode ? .box : .ascii
    // Where there is no colour a star marks the best, and a space keeps the others in line with it.
    let starred = table.columns.indices.map { column in
      !terminal.hasColor && table.rows.contains { $0[column].isEmphasized }
    }
    cells = table.rows.map { row in
      zip(row, starred).map { terminal.shown($0.text) + ($1 ? ($0.isEmphasized ? "*" : " ") : "") }
    }
    alignments = table.columns.indices.map(table.alignment)
    widths = table.columns.indices.map { column in
      max(table.columns[column].title.onOneLine.displayWidth, cells.map { $0[column].displayWidth }.max() ?? 0)
    }
    widenForGroups(Array(widths.indices))
    shrinkText(to: width)
    blocks = split(to: width)
  }

  private func lineWidth(_ columns: [Int]) -> Int {
    columns.reduce(0) { $0 + widths[$1] } + frame.separator.count * max(0, columns.count - 1) + 2 * frame.left.count
  }

  /// A group's heading may be wider than its columns together.
  private mutating func widenForGroups(_ columns: [Int]) {
    for run in groups(columns) {
      guard let group = table.columns[run[0]].group else { continue }
      let inner = run.reduce(0) { $0 + widths[$1] } + frame.separator.count * (run.count - 1)
      widths[run[run.count - 1]] += max(0, min(group.onOneLine.displayWidth, 40) - inner)
    }
  }

  /// Takes columns of text back, the widest first, down to twelve.
  private mutating func shrinkText(to width: Int) {
    let text = table.columns.indices.filter { alignments[$0] == .left }
    while lineWidth(Array(widths.indices)) > width {
      guard let widest = text.max(by: { widths[$0] < widths[$1] }), widths[widest] > 12 else { return }
      widths[widest] -= 1
    }
  }

  /// Blocks that fit, groups kept together where they do.
  private func split(to width: Int) -> [[Int]] {
    let all = Array(widths.indices)
    guard lineWidth(all) > width, all.count > 2 else { return [all] }
    var blocks: [[Int]] = []
    var block = [0]
    for run in groups(Array(all.dropFirst())) {
      let pieces = lineWidth([0] + run) <= width ? [run] : run.map { [$0] }
      for piece in pieces {
        if lineWidth(block + piece) > width, block.count > 1 {
          blocks.append(block)
          block = [0]
        }
        block += piece
      }
    }
    return blocks + [block]
  }

  /// Neighbouring columns of the same group together, others alone.
  private func groups(_ columns: [Int]) -> [[Int]] {
    var runs: [[Int]] = []
    for column in columns {
      let group = table.columns[column].group
      if let last = runs.last?.last, group != nil, table.columns[last].group == group, last == column - 1 {
        runs[runs.count - 1].append(column)
      } else {
        runs.append([column])
      }
    }
    return runs
  }

  func draw(_ columns: [Int]) -> String {
    var lines: [String] = []
    if let top = frame.rule(columns.map { widths[$0] }, .top) { lines.append(top) }
    if columns.contains(where: { table.columns[$0].group != nil }) { lines.append(groupLine(columns)) }
    lines.append(
      line(
        columns.map { column in
          let title = table.columns[column].title.onOneLine.truncated(to: widths[column], mark: terminal.ellipsis)
          return terminal.styled(title.padded(to: widths[column], alignments[column]), .bold)
        }))
    if let rule = frame.rule(columns.map { widths[$0] }, .middle) { lines.append(rule) }
    for row in table.rows.indices {
      lines.append(line(columns.map { draw(row, $0) }))
    }
    if let bottom = frame.rule(columns.map { widths[$0] }, .bottom) { lines.append(bottom) }
    return lines.map { $0.trimmingTrailingSpaces + "\n" }.joined()
  }

  private func draw(_ row: Int, _ column: Int) -> String {
    let text = cells[row][column].truncated(to: widths[column], mark: terminal.ellipsis)
      .padded(to: widths[column], alignments[column])
    return table.rows[row][column].isEmphasized ? terminal.styled(text, .bold, .green) : text
  }

  private func groupLine(_ columns: [Int]) -> String {
    line(
      groups(columns).map { run in
        let inner = run.reduce(0) { $0 + widths[$1] } + frame.separator.count * (run.count - 1)
        let title = (table.columns[run[0]].group ?? "").onOneLine.truncated(to: inner, mark: terminal.ellipsis)
        return terminal.styled(title.padded(to: inner, .center), .bold)
      })
  }

  private func line(_ cells: [String]) -> String {
    frame.left + cells.joined(separator: frame.separator) + String(frame.left.reversed())
  }
}

/// The characters around cells.
private struct Frame {
  enum Place { case top, middle, bottom }

  var left: String
  var separator: String
  var horizontal: Character
  /// Left, crossing and right characters of the three rules; nil where there is no rule.
  var rules: [Place: (left: String, cross: String, right: String)]

  static let box = Frame(
    left: "│ ", separator: " │ ", horizontal: "─",
    rules: [.top: ("╭─", "─┬─", "─╮"), .middle: ("├─", "─┼─", "─┤"), .bottom: ("╰─", "─┴─", "─╯")])
  static let ascii = Frame(
    left: "| ", separator: " | ", horizontal: "-",
    rules: [.top: ("+-", "-+-", "-+"), .middle: ("+-", "-+-", "-+"), .bottom: ("+-", "-+-", "-+")])
  static let plain = Frame(left: "", separator: "  ", horizontal: "-", rules: [.middle: ("", "  ", "")])

  func rule(_ widths: [Int], _ place: Place) -> String? {
    rules[place].map { rule in
      rule.left + widths.map { String(repeating: horizontal, count: $0) }.joined(separator: rule.cross) + rule.right
    }
  }
}

extension Terminal {
  /// Text for this terminal: the few characters of ours beyond ASCII get stand-ins where it has none.
  fileprivate func shown(_ text: String) -> String {
    let line = text.onOneLine
    if hasUnicode { return line }
    return line.replacing(" ± ", with: " +- ").replacing("–", with: "-").replacing("∞", with: "inf")
  }
}
