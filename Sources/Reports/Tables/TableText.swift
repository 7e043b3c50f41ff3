// SPDX-License-Identifier: Apache-2.0
extension Table {
  /// How a table is drawn in text.
  public enum Style: Sendable, Hashable {
    /// Lines around and between, where the terminal has the characters for it.
    case box
    /// Columns apart by two spaces, a rule under the heading.
    case plain
  }

  /// The table for a terminal of the given width: headings and long texts take several lines, and if that does not do,
  /// columns move to further blocks that repeat the first column. Numbers stay whole; texts are cut after four lines.
  ///
  /// - Parameter width: columns of the terminal; nil asks the terminal.
  public func text(style: Style = .box, terminal: Terminal, width: Int? = nil) -> String {
    let width = width ?? terminal.size().columns
    let layout = TableLayout(table: self, style: style, terminal: terminal, width: width)
    var text = caption.isEmpty ? "" : terminal.styled(terminal.prose(caption, width: width), .bold) + "\n"
    text += layout.blocks.map { layout.draw($0) }.joined(separator: "\n")
    for note in notes { text += terminal.styled(terminal.prose(note, width: width), .dim) + "\n" }
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
    shrink(to: width)
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

  /// Breaks headings that are wider than what is below them, then takes columns of text back, the widest first, down to
  /// twelve.
  private mutating func shrink(to width: Int) {
    let all = Array(widths.indices)
    guard lineWidth(all) > width else { return }
    for column in all {
      let title = table.columns[column].title.onOneLine, below = cells.map { $0[column].displayWidth }.max() ?? 0
      widths[column] = max(below, min(title.displayWidth, max(Self.narrowest, title.longestWord)))
    }
    widenForGroups(all)
    let text = all.filter { alignments[$0] == .left }
    while lineWidth(all) > width {
      guard let widest = text.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest else { return }
      widths[widest] -= 1
    }
  }

  /// Columns that a heading, or a column of text, keeps.
  private static let narrowest = 12
  /// Lines that a cell has at most.
  private static let mostLines = 4

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
    let titles = columns.map { fitted(table.columns[$0].title.onOneLine, $0) }
    lines += stacked(titles, columns, atTheTop: false) { text, _ in terminal.styled(text, .bold) }
    if let rule = frame.rule(columns.map { widths[$0] }, .middle) { lines.append(rule) }
    for row in table.rows.indices {
      lines += stacked(columns.map { fitted(cells[row][$0], $0) }, columns, atTheTop: true) { text, column in
        table.rows[row][column].isEmphasized ? terminal.styled(text, .bold, .green) : text
      }
    }
    if let bottom = frame.rule(columns.map { widths[$0] }, .bottom) { lines.append(bottom) }
    return lines.map { $0.trimmingTrailingSpaces + "\n" }.joined()
  }

  /// A cell's lines, each as wide as its column at most.
  private func fitted(_ text: String, _ column: Int) -> [String] {
    let width = widths[column]
    guard text.displayWidth > width else { return [text] }
    let lines = text.broken(to: width)
    guard lines.count > Self.mostLines else { return lines }
    let last = lines[Self.mostLines - 1].truncated(to: width - 1, mark: "") + terminal.ellipsis
    return lines.prefix(Self.mostLines - 1) + [last]
  }

  /// Cells of several lines beside one another: lines across the table.
  private func stacked(
    _ cells: [[String]], _ columns: [Int], atTheTop: Bool, style: (String, _ column: Int) -> String
  ) -> [String] {
    let height = cells.map(\.count).max() ?? 1
    return (0..<height).map { index in
      line(
        zip(cells, columns).map { lines, column in
          let place = atTheTop ? index : index - (height - lines.count)
          let text = lines.indices.contains(place) ? lines[place] : ""
          return style(text.padded(to: widths[column], alignments[column]), column)
        })
    }
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
