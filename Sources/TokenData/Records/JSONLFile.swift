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
public final class JSONLFile: Sendable {
  /// The file, as errors name it.
  public let path: String
  /// Bytes of the whole file.
  public let size: Int
  /// Longest line that is read.
  public static let longestLine = 64 << 20

  private let file: LineBytes
  private let starts: [Int]  // of lines that are not empty
  private let gaps: [Gap]

  /// Finds the lines.
  ///
  /// - Throws: `InputError` if the file is absent, a folder, unreadable, or without a line that is not empty.
  public init(_ path: String) throws(InputError) {
    self.path = path
    file = try LineBytes(path)
    size = file.withBytes(\.count)
    if let kind = file.withBytes({ FileKind($0) }) {
      throw InputError(path: path, expected: "a JSON object on each line", found: kind.name, remedy: kind.remedy)
    }
    (starts, gaps) = Self.findLines(file)
    if starts.isEmpty {
      throw InputError(path: path, expected: "a JSON object on each line", found: "empty lines only")
    }
  }

  /// Number of lines that are not empty.
  public var count: Int { starts.count }

  /// Line number of an entry, from 1.
  public func lineNumber(_ index: Int) -> Int {
    var range = gaps.indices
    while let middle = range.middle {
      range = gaps[middle].entry <= index ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return index + 1 + (range.lowerBound == 0 ? 0 : gaps[range.lowerBound - 1].empty)
  }

  /// `train.jsonl line 12`: how events and errors name an entry.
  public func name(_ index: Int) -> String {
    "\(path.split(separator: "/").last.map(String.init) ?? path) line \(lineNumber(index))"
  }

  /// The folder the file is in.
  public var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

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

  /// A number that changes with any byte of the file: the order of a resumed run's examples means nothing if it did.
  ///
  /// As FNV-1a, but over words of eight bytes. Multiplication carries a change only upwards, so the high half is folded
  /// into the low one before: else changes at the ends of two words cancel each other.
  public func fingerprint() -> UInt64 {
    file.withBytes { bytes in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      func add(_ word: UInt64) {
        hash ^= word
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
      }
      let words = bytes.count / 8
      for word in 0..<words { add(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
      for byte in bytes[(words * 8)...] { add(UInt64(byte)) }
      return hash
    }
  }

  private static func findLines(_ file: LineBytes) -> (starts: [Int], gaps: [Gap]) {
    var starts = [Int](), gaps = [Gap]()
    file.withBytes { bytes in
      var at = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, empty = 0
      while at < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[at...]), length = lineLength(rest)
        if rest[..<length].contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
          if empty > gaps.last?.empty ?? 0 { gaps.append(Gap(entry: starts.count, empty: empty)) }
          starts.append(at)
        } else {
          empty += 1
        }
        at += length + 1
      }
    }
    return (starts, gaps)
  }

  /// Bytes before the next line end, all if there is none.
  private static func lineLength(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let start = bytes.baseAddress, let end = memchr(start, 0x0A, bytes.count) else { return bytes.count }
    return UnsafeRawPointer(end) - start
  }
}

/// The bytes of a file of lines, as they are or decompressed.
private enum LineBytes: Sendable {
  case mapped(MappedFile)
  case inflated([UInt8])

  init(_ path: String) throws(InputError) {
    let file = try MappedFile(path)
    try Self.requireLineEnds(file)
    file.willReadSequentially()
    let inflated = file.withBytes { bytes in
      isGzip(bytes) ? Result { () throws(InputError) in try inflate(bytes, path: path) } : nil
    }
    if let inflated { self = .inflated(try inflated.get()) } else { self = .mapped(file) }
  }

  /// Refuses gigabytes without a line end before they are searched through: a file with holes takes no room on the disk
  /// and can be as large as it likes.
  private static func requireLineEnds(_ file: MappedFile) throws(InputError) {
    let stretch = 4 << 30
    let isLined = file.withBytes { bytes in
      stride(from: stretch, through: bytes.count, by: stretch).allSatisfy { end in
        memchr(bytes.baseAddress! + (end - stretch), 0x0A, stretch) != nil
      }
    }
    guard isLined else {
      throw InputError(
        path: file.path, expected: "a JSON object on each line", found: "a line of more than 4 GiB",
        remedy: "Is the file cut off, or no text?")
    }
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch self {
    case .mapped(let file): try file.withBytes(body)
    case .inflated(let bytes): try bytes.withUnsafeBytes(body)
    }
  }

  func checkUnchanged() throws(InputError) {
    if case .mapped(let file) = self { try file.checkUnchanged() }
  }
}

/// Empty lines in front of an entry.
private struct Gap {
  /// The entry that comes next.
  var entry: Int
  /// Empty lines from the start of the file up to it.
  var empty: Int
}

extension Range<Int> {
  fileprivate var middle: Int? { isEmpty ? nil : lowerBound + count / 2 }
}

extension JSONLFile {
  /// Result of `body` for an entry's object; errors name the line as well as the key.
  package func read<R>(_ index: Int, _ body: (JSONReader) throws(InputError) -> R) throws(InputError) -> R {
    do throws(InputError) {
      return try body(try record(index))
    } catch {
      guard !error.place.hasPrefix("line ") else { throw error }
      var error = error
      let place = "line \(lineNumber(index))"
      error.place = error.place.isEmpty ? place : "\(place), \(error.place)"
      throw error
    }
  }
}
