// SPDX-License-Identifier: Apache-2.0
public import Files

/// A file that is one JSON array of objects, however large: the file is mapped, and only where elements begin is kept in
/// memory (8 bytes an element).
public final class JSONArrayFile: RecordFile {
  /// The file, as errors name it.
  public let path: String
  /// Bytes of the whole file.
  public let size: Int

  private let bytes: TextBytes
  private let ranges: [Int]  // where elements begin, and behind the last
  private let lines: EntryLines
  private let isLined: Bool  // each element begins on a line of its own

  /// Finds the elements.
  ///
  /// - Throws: `InputError` if the file is absent, unreadable, no array, cut off, or an empty array.
  public init(_ path: String) throws(InputError) {
    self.path = path
    let file = try TextBytes(path, isLined: false)
    bytes = file
    size = file.withBytes(\.count)
    var finder = ElementFinder(path: path)
    try file.withBytes { bytes in
      Result { () throws(InputError) in try finder.find(bytes, from: file.start) }
    }.get()
    (ranges, lines, isLined) = (finder.starts, finder.lines, finder.isLined)
    guard ranges.count > 1 else {
      throw InputError(
        path: path, expected: "an array of objects", found: "an empty array", remedy: "Is this the right file?")
    }
  }

  /// Number of elements.
  public var count: Int { ranges.count - 1 }

  /// Line at which an element begins.
  public func lineNumber(_ index: Int) -> Int { lines[index] }

  /// Its line, or where several begin on one line its number, from 1.
  public func place(_ index: Int) -> String { isLined ? "line \(lines[index])" : "element \(index + 1)" }

  /// See ``RecordFile/fingerprint()``.
  public func fingerprint() -> UInt64 { bytes.fingerprint() }

  /// The object of an element.
  ///
  /// - Throws: `InputError` naming the place: no JSON object, longer than 64 MiB, or changed since the file was opened.
  public func record(_ index: Int) throws(InputError) -> JSONReader {
    try bytes.checkUnchanged()
    let value = try bytes.withBytes { bytes in
      Result { () throws(InputError) in
        var element = UnsafeRawBufferPointer(rebasing: bytes[ranges[index]..<ranges[index + 1]])
        // Up to its comma.
        while let last = element.last, last == 0x2C || ElementFinder.isSpace(last) || index + 1 == count && last == 0x5D
        {
          element = UnsafeRawBufferPointer(rebasing: element.dropLast())
          if last == 0x2C || last == 0x5D { break }
        }
        guard element.count <= JSONLFile.longestLine else {
          throw InputError(
            path: path, place: place(index), expected: "an object of at most \(JSONLFile.longestLine >> 20) MiB",
            found: "a larger one")
        }
        return try JSON(parsing: element, path: path, line: lines[index])
      }
    }.get()
    guard case .object = value else {
      throw InputError(path: path, place: place(index), expected: "a JSON object", found: value.summary)
    }
    return JSONReader(value, path: path)
  }
}

/// Finds where the elements of an array begin, by its brackets and strings alone: what stands between is parsed when it is
/// asked for.
private struct ElementFinder {
  let path: String
  /// Of the elements, and behind the array's closing bracket.
  var starts: [Int] = []
  var lines = EntryLines()
  var isLined = true
  private var line = 1
  private var lastLine = 0

  init(path: String) { self.path = path }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  mutating func find(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(InputError) {
    var at = start
    skipSpace(bytes, &at)
    at += 1  // the bracket that says that it is an array
    skipSpace(bytes, &at)
    guard at < bytes.count else { throw cutOff() }
    if bytes[at] == 0x5D { at += 1 } else { try elements(bytes, &at) }
    starts.append(at)
    skipSpace(bytes, &at)
    guard at == bytes.count else {
      throw InputError(
        path: path, place: "line \(line)", expected: "the end of the file behind the array", found: "more text",
        remedy: "A file holds one array, or one object on each line.")
    }
  }

  /// From the first element up to behind the closing bracket.
  private mutating func elements(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) throws(InputError) {
    while true {
      guard at < bytes.count else { throw cutOff() }
      guard bytes[at] != 0x2C, bytes[at] != 0x5D else {
        throw InputError(
          path: path, place: "line \(line)", expected: "an object", found: "\"\(Unicode.Scalar(bytes[at]))\"",
          remedy: bytes[at] == 0x5D ? "Leave out the last comma." : "")
      }
      starts.append(at)
      lines.append(line: line)
      isLined = isLined && line > lastLine
      lastLine = line
      skipElement(bytes, &at)
      guard at < bytes.count else { throw cutOff() }
      at += 1
      if bytes[at - 1] == 0x5D { return }
      skipSpace(bytes, &at)
    }
  }

  /// Up to the comma or bracket that ends an element.
  private mutating func skipElement(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) {
    var depth = 0
    while at < bytes.count {
      switch bytes[at] {
      case 0x22:
        at += 1
        while at < bytes.count, bytes[at] != 0x22 {
          if bytes[at] == 0x0A { line += 1 }
          at += bytes[at] == 0x5C ? 2 : 1
        }
      case 0x7B, 0x5B: depth += 1
      case 0x7D: depth -= 1
      case 0x5D:
        if depth <= 0 { return }
        depth -= 1
      case 0x2C: if depth <= 0 { return }
      case 0x0A: line += 1
      default: break
      }
      at += 1
    }
  }

  private mutating func skipSpace(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) {
    while at < bytes.count, Self.isSpace(bytes[at]) {
      if bytes[at] == 0x0A { line += 1 }
      at += 1
    }
  }

  private func cutOff() -> InputError {
    InputError(
      path: path, place: "line \(line)", expected: "the bracket that closes the array", found: "the end of the file",
      remedy: "Is it cut off?")
  }
}
