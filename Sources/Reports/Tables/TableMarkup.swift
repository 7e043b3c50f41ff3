extension Table {
  /// The table in GitHub's Markdown. Groups and titles become one heading; the best cells are bold.
  public var markdown: String {
    func escaped(_ text: String) -> String {
      text.onOneLine.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "&lt;")
    }
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    var text = caption.isEmpty ? "" : "**\(escaped(caption))**\n\n"
    text += line(columns.map { escaped($0.fullTitle) })
    text += line(
      columns.indices.map { column in
        switch alignment(of: column) {
        case .left: return ":--"
        case .right: return "--:"
        case .center: return ":-:"
        }
      })
    for row in rows {
      text += line(row.map { $0.isEmphasized ? "**\(escaped($0.text))**" : escaped($0.text) })
    }
    if !notes.isEmpty { text += "\n" + notes.map { escaped($0) + "\n" }.joined(separator: "\n") }
    return text
  }

  /// The table as CSV (RFC 4180) for programs: numbers in full, `std`, `low` and `high` in columns of their own.
  public var csv: String {
    func field(_ text: String) -> String {
      let needsQuotes = text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
      return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    var fields = rows.map { _ in [String]() }
    var heading: [String] = []
    for (index, column) in columns.enumerated() {
      let cells = rows.map { $0[index] }
      heading.append(column.fullTitle)
      for (row, cell) in cells.enumerated() {
        fields[row].append(cell.value == nil && !cell.isMissing ? cell.text : cell.exactText)
      }
      let extras: [(name: String, value: (Cell) -> Double?)] = [
        ("std", \.spread), ("low", { $0.interval?.low }), ("high", { $0.interval?.high }),
      ]
      for extra in extras where cells.contains(where: { extra.value($0) != nil }) {
        heading.append("\(column.fullTitle) \(extra.name)")
        for (row, cell) in cells.enumerated() { fields[row].append(number(extra.value(cell))) }
      }
    }
    return ([heading] + fields).map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
  }
}

extension Table.Cell {
  /// The number in full, an integer without a point; empty for a missing value.
  var exactText: String {
    guard let value else { return "" }
    if case .quantity(.count(let count), _) = content { return "\(count)" }
    if case .quantity(.bytes(let count), _) = content { return "\(count)" }
    return "\(value)"
  }
}
