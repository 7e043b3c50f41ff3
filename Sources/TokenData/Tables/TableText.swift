// SPDX-License-Identifier: Apache-2.0
/// Rows and cells in text as RFC 4180 has them; where it leaves something open, as Python's `csv` with `strict=True`.
///
/// A cell in quotes may hold delimiters, line ends and doubled quotes; a quote inside a cell that does not begin with one
/// stands for itself. Rows end in `\n`, `\r\n` or `\r`.
struct TableText: Sendable, Hashable {
  /// The byte between two cells.
  let delimiter: UInt8

  static let quote = UInt8(ascii: "\"")

  /// Where a row ends.
  struct Row {
    /// Behind its last cell.
    var end: Int
    /// Behind its line end.
    var next: Int
    /// Line ends in it and behind it.
    var lines: Int
  }

  /// The row that begins at a byte.
  func row(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Row {
    var at = start, lines = 0, isCellStart = true
    while at < bytes.count {
      let byte = bytes[at]
      if byte == Self.quote, isCellStart {
        at = Self.closing(bytes, after: at, &lines)
        isCellStart = false
      } else if byte == 0x0A || byte == 0x0D {
        return Row(end: at, next: at + Self.lineEnd(bytes, at), lines: lines + 1)
      } else {
        isCellStart = byte == delimiter
        at += 1
      }
    }
    return Row(end: at, next: at, lines: lines)
  }

  /// Behind the quote that closes the one at `open`; the end if none does.
  private static func closing(_ bytes: UnsafeRawBufferPointer, after open: Int, _ lines: inout Int) -> Int {
    var at = open + 1
    while at < bytes.count {
      let byte = bytes[at]
      if byte == quote {
        guard at + 1 < bytes.count, bytes[at + 1] == quote else { return at + 1 }
        at += 2
      } else if byte == 0x0A || byte == 0x0D {
        lines += 1
        at += lineEnd(bytes, at)
      } else {
        at += 1
      }
    }
    return at
  }

  /// Bytes of the line end at a byte.
  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
    bytes[at] == 0x0D && at + 1 < bytes.count && bytes[at + 1] == 0x0A ? 2 : 1
  }

  /// What is wrong with a row.
  struct Fault: Error {
    /// Number of the cell, from 1.
    var cell: Int
    var expected: String
    var found: String
    var remedy: String
  }

  /// The cells of a row, without its line end.
  ///
  /// - Throws: `Fault` for text behind a closing quote, a quote that nothing closes, and bytes that are not UTF-8.
  func cells(_ row: UnsafeRawBufferPointer) throws(Fault) -> [String] {
    var cells = [String](), at = 0
    while true {
      let isQuoted = at < row.count && row[at] == Self.quote
      let text: String?
      if isQuoted {
        (text, at) = try quoted(row, at, cell: cells.count + 1)
      } else {
        let end = row[at...].firstIndex(of: delimiter) ?? row.count
        text = String(validating: row[at..<end], as: UTF8.self)
        at = end
      }
      guard let text else {
        throw Fault(
          cell: cells.count + 1, expected: "text in UTF-8", found: "bytes that are not",
          remedy: "Convert the file to UTF-8: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW.")
      }
      cells.append(text)
      guard at < row.count else { return cells }
      at += 1  // the delimiter
    }
  }

  /// - Returns: the text (nil: no UTF-8), and where the cell ends.
  private func quoted(_ row: UnsafeRawBufferPointer, _ open: Int, cell: Int) throws(Fault) -> (String?, Int) {
    var lines = 0
    let end = Self.closing(row, after: open, &lines)
    // The last byte closes the cell unless it is the second of a doubled quote, or the first byte of all.
    let content = row[(open + 1)..<max(open + 1, end - 1)]
    let isClosed = end - 1 > open && row[end - 1] == Self.quote && Self.isClosing(row, open, end)
    guard isClosed else {
      throw Fault(
        cell: cell, expected: "a quote that closes the one it begins with", found: "the end of the file",
        remedy: "Close it, and write quotes inside a cell twice: \"\".")
    }
    guard end == row.count || row[end] == delimiter else {
      throw Fault(
        cell: cell, expected: "the next cell behind a closing quote", found: "more text",
        remedy: "Write quotes inside a cell twice: \"\".")
    }
    guard content.contains(Self.quote) else { return (String(validating: content, as: UTF8.self), end) }
    var bytes = [UInt8]()
    bytes.reserveCapacity(content.count)
    var isSecond = false
    for byte in content {
      isSecond = byte == Self.quote && !isSecond
      // Of two quotes the second is left out.
      if byte != Self.quote || isSecond { bytes.append(byte) }
    }
    return (String(validating: bytes, as: UTF8.self), end)
  }

  /// Whether the quote before `end` closes the cell: an even number of quotes stands between.
  private static func isClosing(_ row: UnsafeRawBufferPointer, _ open: Int, _ end: Int) -> Bool {
    var run = 0, at = end - 1
    while at > open, row[at] == quote {
      run += 1
      at -= 1
    }
    return run % 2 == 1
  }

  // MARK: Delimiters

  /// The delimiter of a table's text: tabs for names that say so, else the one of `,`, `;`, tab and `|` by which the first
  /// rows have equally many cells, and the most; a comma if none does.
  static func delimiter(_ bytes: UnsafeRawBufferPointer, path: String) -> UInt8 {
    if isTabbed(path) { return 0x09 }
    let sample = UnsafeRawBufferPointer(rebasing: bytes.prefix(1 << 20))
    var best = (cells: 1, delimiter: UInt8(ascii: ","))
    // Tabs first: of two that cut alike, commas may be part of texts.
    for delimiter in [0x09, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|")] {
      let text = TableText(delimiter: delimiter)
      var at = 0, counts = Set<Int>(), rows = 0
      while at < sample.count, rows < 10 {
        let row = text.row(sample, at: at)
        // One that the sample cuts off says nothing.
        guard row.next < sample.count || sample.count == bytes.count else { break }
        if row.end > at {
          let cells = try? text.cells(UnsafeRawBufferPointer(rebasing: sample[at..<row.end]))
          counts.insert(cells?.count ?? 0)
          rows += 1
        }
        at = row.next
      }
      if counts.count == 1, let cells = counts.first, cells > best.cells { best = (cells, delimiter) }
    }
    return best.delimiter
  }

  /// Whether a file's name is that of a table: `.csv`, `.tsv` or `.tab`, compressed or not.
  static func isTable(_ path: String) -> Bool { [".csv", ".tsv", ".tab"].contains { plain(path).hasSuffix($0) } }

  private static func isTabbed(_ path: String) -> Bool { [".tsv", ".tab"].contains { plain(path).hasSuffix($0) } }

  private static func plain(_ path: String) -> String {
    let name = path.lowercased()
    return name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
  }
}
