// SPDX-License-Identifier: Apache-2.0
public import Files

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

extension Table {
  /// The table as JSON for programs: `{"caption": …, "rows": [{"N": 1, "MAE": {"mean": 0.25, "std": 0.07}}], "notes": …}`.
  ///
  /// Numbers are given in full; missing ones and those that are not finite are null.
  public var json: JSON {
    let names = columns.map(\.fullTitle)
    let records = rows.map { row in
      var record = JSONObject()
      for (name, cell) in zip(names, row) {
        // Columns of one name are told apart by a number.
        var key = name
        var number = 2
        while !record.append(key, cell.json) {
          key = "\(name) \(number)"
          number += 1
        }
      }
      return JSON.object(record)
    }
    return ["caption": .string(caption), "rows": .array(records), "notes": .array(notes.map { .string($0) })]
  }
}

extension Table.Cell {
  fileprivate var json: JSON {
    func number(_ value: Double) -> JSON { value.isFinite ? .double(value) : .null }
    switch content {
    case .missing: return .null
    case .text(let text): return .string(text)
    case .quantity(.count(let count), _), .quantity(.bytes(let count), _): return .int(count)
    case .quantity(_, let value): return number(value)
    case .measured(let mean, let spread, let interval, _):
      var object = JSONObject()
      object["mean"] = number(mean)
      object["std"] = spread.map(number)
      object["low"] = interval.map { number($0.low) }
      object["high"] = interval.map { number($0.high) }
      return .object(object)
    }
  }

  /// The number in full, an integer without a point; empty for a missing value.
  var exactText: String {
    guard let value else { return "" }
    if case .quantity(.count(let count), _) = content { return "\(count)" }
    if case .quantity(.bytes(let count), _) = content { return "\(count)" }
    return "\(value)"
  }
}
