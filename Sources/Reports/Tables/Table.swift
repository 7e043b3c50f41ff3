// SPDX-License-Identifier: Apache-2.0
/// Rows and columns that a terminal, a page, a Markdown file and a program can read.
///
///     var table = Table(columns: [.init("N"), .init("MAE", group: "sft"), .init("MAE", group: "dist")])
///     table.add([.count(1), .mean(sft), .mean(dist)])
///     table.emphasizeBest(.lowest, across: [1, 2])
public struct Table: Sendable, Hashable {
  /// On which side a cell's text stands.
  public enum Alignment: Sendable, Hashable {
    /// For text.
    case left
    /// For numbers.
    case right
    /// In the middle.
    case center
  }

  /// One column.
  public struct Column: Sendable, Hashable {
    /// Text of its heading.
    public var title: String
    /// Heading above it, shared with its neighbours of the same group.
    public var group: String?
    /// Side its cells stand on; nil: right if all of them are numbers, else left.
    public var alignment: Alignment?

    /// Memberwise.
    public init(_ title: String, group: String? = nil, alignment: Alignment? = nil) {
      self.title = title
      self.group = group
      self.alignment = alignment
    }

    /// Group and title, where there is one heading only.
    var fullTitle: String { group.map { title.isEmpty ? $0 : "\($0) \(title)" } ?? title }
  }

  /// Which of several values is best.
  public enum Order: Sendable, Hashable {
    /// The smallest.
    case lowest
    /// The largest.
    case highest
  }

  /// What the table shows; may be empty.
  public var caption: String
  /// The columns, from the left.
  public var columns: [Column]
  /// The rows; each has as many cells as there are columns.
  public private(set) var rows: [[Cell]] = []
  /// Remarks under the table.
  public var notes: [String]

  /// An empty table.
  public init(_ caption: String = "", columns: [Column], notes: [String] = []) {
    self.caption = caption
    self.columns = columns
    self.notes = notes
  }

  /// Adds a row. Its count of cells must be that of the columns.
  public mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count, "\(row.count) cells in a table of \(columns.count) columns")
    rows.append(row)
  }

  /// Adds a column at the right, with a cell for each row.
  public mutating func add(_ column: Column, _ cells: [Cell]) {
    precondition(cells.count == rows.count, "\(cells.count) cells in a column of a table of \(rows.count) rows")
    columns.append(column)
    for (row, cell) in cells.enumerated() { rows[row].append(cell) }
  }

  /// Takes columns away that hold nothing in any row; the first stays.
  public mutating func dropEmptyColumns() {
    let kept = columns.indices.filter { column in column == 0 || !rows.allSatisfy { $0[column].isMissing } }
    columns = kept.map { columns[$0] }
    rows = rows.map { row in kept.map { row[$0] } }
  }

  /// Marks in each row the best of some columns, for instance one per method. Equal values, as printed, share the mark.
  public mutating func emphasizeBest(_ order: Order, across columns: [Int]) {
    for row in rows.indices { emphasizeBest(order, of: columns.map { (row, $0) }) }
  }

  /// Marks the best of one column.
  public mutating func emphasizeBest(_ order: Order, in column: Int) {
    emphasizeBest(order, of: rows.indices.map { ($0, column) })
  }

  private mutating func emphasizeBest(_ order: Order, of places: [(row: Int, column: Int)]) {
    let ranked = places.filter { rows[$0.row][$0.column].value?.isFinite == true }
    let values = ranked.compactMap { rows[$0.row][$0.column].value }
    guard let best = order == .lowest ? values.min() : values.max(), values.count > 1 else { return }
    guard values.contains(where: { $0 != best }) else { return }
    // Who sees 0.113 twice must see the mark twice.
    let texts = Set(ranked.filter { rows[$0.row][$0.column].value == best }.map { rows[$0.row][$0.column].valueText })
    for place in ranked where texts.contains(rows[place.row][place.column].valueText) {
      rows[place.row][place.column].isEmphasized = true
    }
  }

  /// The side on which a column's cells stand.
  func alignment(of column: Int) -> Alignment {
    if let alignment = columns[column].alignment { return alignment }
    let cells = rows.map { $0[column] }
    let areNumbers = cells.contains { $0.value != nil } && cells.allSatisfy { $0.value != nil || $0.isMissing }
    return areNumbers ? .right : .left
  }
}
