public import Files
import Foundation

/// A file of one JSON object a line, by line, however large: the file is mapped, and only where lines begin is kept in
/// memory (8 bytes a line).
///
/// Lines end in `\n` or `\r\n`; empty ones and a byte order mark at the start do not count. Line numbers are those of an
/// editor, from 1.
public final class JSONLFile: Sendable {
  /// The file, as errors name it.
  public let path: String
  /// Bytes of the whole file.
  public let size: Int
  /// Longest line that is read.
  public static let longestLine = 64 << 20

  private let file: MappedFile
  private let starts: [Int]  // of lines that are not empty
  private let numbers: [Int32]  // their line numbers

  /// Finds the lines.
  ///
  /// - Throws: `InputError` if the file is absent, a folder, unreadable, or without a line that is not empty.
  public init(_ path: String) throws(InputError) {
    self.path = path
    file = try MappedFile(path)
    size = file.unsafeBytes.count
    file.willReadSequentially()
    (starts, numbers) = Self.findLines(file)
    if starts.isEmpty {
      throw InputError(path: path, expected: "a JSON object on each line", found: "empty lines only")
    }
  }

  /// Number of lines that are not empty.
  public var count: Int { starts.count }

  /// Line number of an entry, from 1.
  public func lineNumber(_ index: Int) -> Int { Int(numbers[index]) }

  /// `train.jsonl line 12`: how events and errors name an entry.
  public func name(_ index: Int) -> String {
    "\(path.split(separator: "/").last.map(String.init) ?? path) line \(lineNumber(index))"
  }

  /// The object of an entry.
  ///
  /// - Throws: `InputError` naming the line: no JSON object, longer than ``longestLine``, or changed since the file was
  ///   opened.
  public func record(_ index: Int) throws(InputError) -> JSONReader {
    let place = "line \(lineNumber(index))"
    try file.checkUnchanged()
    let bytes = file.unsafeBytes
    let start = starts[index]
    let limit = index + 1 < starts.count ? starts[index + 1] : bytes.count
    var end = start
    while end < limit, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    guard end - start <= Self.longestLine else {
      throw InputError(
        path: path, place: place, expected: "a line of at most \(Self.longestLine >> 20) MiB",
        found: "\((end - start) >> 20) MiB", remedy: "Is the file one JSON object a line?")
    }
    let value: JSON
    do throws(InputError) {
      value = try JSON(parsing: Array(bytes[start..<end]), path: path)
    } catch {
      var error = error
      error.place = error.place.isEmpty ? place : "\(place), \(error.place)"
      throw error
    }
    guard case .object = value else {
      throw InputError(path: path, place: place, expected: "a JSON object", found: value.summary)
    }
    return JSONReader(value, path: path, keyPath: "")
  }

  /// A number that changes with any byte of the file: the order of a resumed run's examples means nothing if it did.
  ///
  /// FNV-1a over words of eight bytes.
  public func fingerprint() -> UInt64 {
    file.withBytes { bytes in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      let words = bytes.count / 8
      for word in 0..<words {
        hash = (hash ^ bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) &* 0x100_0000_01B3
      }
      for byte in bytes[(words * 8)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      return hash
    }
  }

  private static func findLines(_ file: MappedFile) -> (starts: [Int], numbers: [Int32]) {
    var starts = [Int](), numbers = [Int32]()
    file.withBytes { bytes in
      var at = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, line: Int32 = 1
      while at < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
        let length = memchr(rest.baseAddress!, 0x0A, rest.count).map { $0 - UnsafeMutableRawPointer(mutating: rest.baseAddress!) }
        let end = at + (length ?? rest.count)
        if bytes[at..<end].contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
          starts.append(at)
          numbers.append(line)
        }
        at = end + 1
        line += 1
      }
    }
    return (starts, numbers)
  }
}
