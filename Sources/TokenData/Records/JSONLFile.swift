// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation

/// A file of one JSON object a line, by line, however large: the file is mapped, and only where lines begin is kept in
/// memory (8 bytes a line).
///
/// A file that gzip has compressed is decompressed into memory first.
///
/// Lines end in `\n` or `\r\n`; empty ones and a byte order mark at the start do not count. Line numbers are those of
/// an editor, from 1.
public final class JSONLFile: RecordFile {
  /// The file, as errors name it.
  public let path: String
  /// Bytes of the whole file.
  public let size: Int
  /// Longest line that is read.
  public static let longestLine = 64 << 20

  private let file: TextBytes
  private let starts: [Int]  // of lines that are not empty
  private let lines: EntryLines

  /// Finds the lines.
  ///
  /// - Throws: `InputError` if the file is absent, a folder, unreadable, or without a line that is not empty.
  public init(_ path: String) throws(InputError) {
    self.path = path
    file = try TextBytes(path, isLined: true)
    size = file.withBytes(\.count)
    if let kind = file.withBytes({ FileKind($0) }) {
      throw InputError(path: path, expected: "a JSON object on each line", found: kind.name, remedy: kind.remedy)
    }
    (starts, lines) = Self.findLines(file)
    if starts.isEmpty {
      throw InputError(
        path: path, expected: "a JSON object on each line", found: "empty lines only", remedy: "Is this the right file?"
      )
    }
  }

  /// Number of lines that are not empty.
  public var count: Int { starts.count }

  /// Line number of an entry, from 1.
  public func lineNumber(_ index: Int) -> Int { lines[index] }

  /// The object of an entry.
  ///
  /// - Throws: `InputError` naming the line: no JSON object, longer than ``longestLine``, or changed since the file was
  ///   opened.
  public func record(_ index: Int) throws(InputError) -> JSONReader {
    try file.checkUnchanged()
    let number = lineNumber(index)
    return try file.withBytes { bytes in
      Result { () throws(InputError) in
        try lineObject(
          try line(index, number, of: bytes), path: path, number: number, isFirst: index == 0,
          next: index + 1 < starts.count ? Array(bytes[starts[index + 1]...].prefix(8)) : nil)
      }
    }.get()
  }

  /// Looks no further than a line may be long: a file without line ends may be larger than memory.
  private func line(
    _ index: Int, _ number: Int, of bytes: UnsafeRawBufferPointer
  ) throws(InputError) -> UnsafeRawBufferPointer {
    let limit = index + 1 < starts.count ? starts[index + 1] : bytes.count
    let rest = UnsafeRawBufferPointer(rebasing: bytes[starts[index]..<limit])
    let length = Self.lineLength(UnsafeRawBufferPointer(rebasing: rest.prefix(Self.longestLine + 1)))
    guard length <= Self.longestLine else {
      throw InputError(
        path: path, place: "line \(number)", expected: "a line of at most \(Self.longestLine >> 20) MiB",
        found: "a longer one", remedy: "Is the file one JSON object a line?")
    }
    return UnsafeRawBufferPointer(rebasing: rest[..<length])
  }

  /// See ``RecordFile/fingerprint()``.
  public func fingerprint() -> UInt64 { file.fingerprint() }

  private static func findLines(_ file: TextBytes) -> (starts: [Int], lines: EntryLines) {
    var starts = [Int](), lines = EntryLines()
    file.withBytes { bytes in
      var at = file.start, line = 1
      while at < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[at...]), length = lineLength(rest)
        if rest[..<length].contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
          starts.append(at)
          lines.append(line: line)
        }
        line += 1
        at += length + 1
      }
    }
    return (starts, lines)
  }

  /// Bytes before the next line end, all if there is none.
  private static func lineLength(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let start = bytes.baseAddress, let end = memchr(start, 0x0A, bytes.count) else { return bytes.count }
    return UnsafeRawPointer(end) - start
  }
}
