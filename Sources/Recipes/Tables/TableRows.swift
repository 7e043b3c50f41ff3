// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData

/// The rows of a table, or of flat JSON objects, as texts in one order of columns.
struct TableRows {
  let files: DataFiles
  let columns: [String]
  private let indices: [String: Int]

  /// - Throws: `InputError` for files that cannot be read.
  init(_ source: DataSource) throws(InputError) {
    files = try DataFiles(source)
    if let shared = files.columns {
      columns = shared
    } else {
      columns = try files.read(0) { object throws(InputError) in try object.object().members.map(\.key) }
    }
    // Names that differ in how letters are composed alone are one to Swift.
    indices = Dictionary(columns.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
  }

  var count: Int { files.count }

  /// Place of a column among the cells of a row.
  func index(of column: String) -> Int? { indices[column] }

  /// The cells of a row; empty where it has none.
  ///
  /// - Throws: `InputError` naming file and line.
  func cells(_ index: Int) throws(InputError) -> [String] {
    try files.read(index) { object throws(InputError) in
      try columns.map { name throws(InputError) in
        guard let value = try object.ifPresent(name) else { return "" }
        if case .bool(let flag) = value.value { return "\(flag)" }
        return try value.text()
      }
    }
  }

  /// Place of a row with its file, for words.
  func place(_ index: Int) -> String { files.name(index) }
}

/// Writes rows as RFC 4180 has them.
struct TableWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ cells: [String]) {
    for (index, cell) in cells.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      guard cell.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else {
        bytes += cell.utf8
        continue
      }
      bytes.append(UInt8(ascii: "\""))
      for byte in cell.utf8 { bytes += byte == UInt8(ascii: "\"") ? [byte, byte] : [byte] }
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(0x0A)
  }
}
