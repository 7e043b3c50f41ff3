// SPDX-License-Identifier: Apache-2.0
public import Files

/// A table in text (CSV, TSV), however large: the file is mapped, and only where rows begin is kept in memory (8 bytes a
/// row). Each row is an object with the first row's names as keys.
///
/// A cell that is a number as JSON writes them is that number, and keeps how it is written; an empty one is null; any
/// other is text. Empty lines do not count.
public final class TableFile: RecordFile {
  /// The file, as errors name it.
  public let path: String
  /// Bytes of the whole file.
  public let size: Int
  /// Names of the columns, without white space around them.
  public let columns: [String]

  private let bytes: TextBytes
  private let text: TableText
  private let starts: [Int]
  private let lines: EntryLines

  /// Finds the rows.
  ///
  /// - Throws: `InputError` if the file is absent, a folder, unreadable, no text, without a row below its names, or with
  ///   two columns of one name.
  public init(_ path: String) throws(InputError) {
    self.path = path
    let file = try TextBytes(path, isLined: false)
    bytes = file
    size = file.withBytes(\.count)
    if let kind = file.withBytes({ FileKind($0) }) {
      throw InputError(path: path, expected: "a table in text", found: kind.name, remedy: kind.remedy)
    }
    let start = file.start
    let text = TableText(
      delimiter: file.withBytes { TableText.delimiter(UnsafeRawBufferPointer(rebasing: $0[start...]), path: path) })
    self.text = text
    let found = Self.findRows(file, text, from: start)
    guard let header = found.header else {
      throw InputError(
        path: path, expected: "names of columns in the first row", found: "empty lines only",
        remedy: "Is this the right file?")
    }
    columns = try file.withBytes { bytes in
      Result { () throws(InputError) in
        try Self.names(text, UnsafeRawBufferPointer(rebasing: bytes[header.bytes]), path: path, line: header.line)
      }
    }.get()
    guard !found.starts.isEmpty else {
      throw InputError(
        path: path, expected: "rows below the names of the columns", found: "none",
        remedy: "The first row is read as names: write them above the values.")
    }
    (starts, lines) = (found.starts, found.lines)
  }

  /// Number of rows below the names.
  public var count: Int { starts.count }

  /// Line at which a row begins.
  public func lineNumber(_ index: Int) -> Int { lines[index] }

  /// See ``RecordFile/fingerprint()``.
  public func fingerprint() -> UInt64 { bytes.fingerprint() }

  /// Cells of a row, as they are written.
  ///
  /// - Throws: `InputError` naming the line: more or fewer cells than columns, a quote too many or too few, bytes that are
  ///   not UTF-8, longer than 64 MiB, or changed since the file was opened.
  public func cells(_ index: Int) throws(InputError) -> [String] {
    try bytes.checkUnchanged()
    let line = lines[index]
    let cells = try bytes.withBytes { bytes in
      Result { () throws(InputError) in
        // Looks no further than a row may be long: a quote that nothing closes may be followed by gigabytes.
        let limit = index + 1 < starts.count ? starts[index + 1] : bytes.count
        let rest = UnsafeRawBufferPointer(
          rebasing: bytes[starts[index]..<min(limit, starts[index] + JSONLFile.longestLine + 1)])
        let row = text.row(rest, at: 0)
        guard row.end <= JSONLFile.longestLine else {
          throw InputError(
            path: path, place: "line \(line)", expected: "a row of at most \(JSONLFile.longestLine >> 20) MiB",
            found: "a longer one", remedy: "Is a quote not closed? Quotes inside a cell are written twice: \"\".")
        }
        return try Self.cells(text, UnsafeRawBufferPointer(rebasing: rest[..<row.end]), path: path, line: line)
      }
    }.get()
    guard cells.count == columns.count else {
      throw InputError(
        path: path, place: "line \(line)", expected: "\(columns.count) cells, one for each column",
        found: "\(cells.count)",
        remedy: "Put cells that hold the delimiter in quotes.")
    }
    return cells
  }

  /// A row as an object.
  ///
  /// - Throws: as ``cells(_:)``.
  public func record(_ index: Int) throws(InputError) -> JSONReader {
    var object = JSONObject()
    for (name, cell) in zip(columns, try cells(index)) {
      let value = JSON(cell: cell)
      _ = object.append(name, value)
      if case .string = value { continue }
      if value != .null, value.text() != cell { object.note(name, writtenAs: cell) }
    }
    return JSONReader(.object(object), path: path)
  }

  private static func findRows(
    _ file: TextBytes, _ text: TableText, from start: Int
  ) -> (header: (bytes: Range<Int>, line: Int)?, starts: [Int], lines: EntryLines) {
    var header: (Range<Int>, Int)?, starts = [Int](), lines = EntryLines()
    file.withBytes { bytes in
      var at = start, line = 1
      while at < bytes.count {
        let row = text.row(bytes, at: at)
        if row.end > at {
          if header == nil {
            header = (at..<row.end, line)
          } else {
            starts.append(at)
            lines.append(line: line)
          }
        }
        line += row.lines
        at = row.next
      }
    }
    return (header, starts, lines)
  }

  private static func cells(
    _ text: TableText, _ row: UnsafeRawBufferPointer, path: String, line: Int
  ) throws(InputError) -> [String] {
    do throws(TableText.Fault) { return try text.cells(row) } catch {
      throw InputError(
        path: path, place: "line \(line), cell \(error.cell)", expected: error.expected, found: error.found,
        remedy: error.remedy)
    }
  }

  private static func names(
    _ text: TableText, _ row: UnsafeRawBufferPointer, path: String, line: Int
  ) throws(InputError) -> [String] {
    guard row.count <= 1 << 20 else {
      throw InputError(
        path: path, place: "line \(line)", expected: "names of columns, of at most a mebibyte", found: "more",
        remedy: "Is a quote not closed?")
    }
    var names = [String](), seen = Set<String>()
    for (index, cell) in try cells(text, row, path: path, line: line).enumerated() {
      let trimmed = cell.withoutOuterSpace
      // pandas and R leave the name of a row's number empty.
      let name = trimmed.isEmpty ? "column \(index + 1)" : trimmed
      guard seen.insert(name).inserted else {
        throw InputError(
          path: path, place: "line \(line)", expected: "each column's name once", found: "\"\(name)\" again",
          remedy: "Rename one. Does the file begin with the names of its columns?")
      }
      names.append(name)
    }
    return names
  }
}

extension JSON {
  /// A cell of a table: null if it is empty, a number if it is one as JSON writes them, else text.
  init(cell: String) {
    guard !cell.isEmpty else {
      self = .null
      return
    }
    guard let kind = cell.jsonNumber else {
      self = .string(cell)
      return
    }
    if kind == .whole, let value = Int(cell) {
      self = .int(value)
    } else if let value = Double(cell), value.isFinite {
      self = .double(value)
    } else {
      self = .string(cell)
    }
  }
}

private enum NumberKind { case whole, decimal }

extension String {
  /// Whether this is a number by JSON's grammar.
  fileprivate var jsonNumber: NumberKind? {
    var rest = Array(utf8.prefix(400))[...]
    func digits() -> Int {
      let count = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
      rest.removeFirst(count)
      return count
    }
    guard rest.count == utf8.count else { return nil }
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let isZero = rest.first == 0x30, whole = digits()
    guard whole > 0, !isZero || whole == 1 else { return nil }
    var kind = NumberKind.whole
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard digits() > 0 else { return nil }
      kind = .decimal
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
      guard digits() > 0 else { return nil }
      kind = .decimal
    }
    return rest.isEmpty ? kind : nil
  }

  /// Without white space at either end.
  package var withoutOuterSpace: String {
    let isSpace: (Unicode.Scalar) -> Bool = \.properties.isWhitespace
    let start = unicodeScalars.drop(while: isSpace)
    guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(start[...last])
  }
}
