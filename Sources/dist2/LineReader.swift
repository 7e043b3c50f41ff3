import Files
import Foundation

/// Lines of a pipe or file, as many as are there without waiting.
final class LineReader {
  private let handle: FileHandle
  private let source: String
  private let longest: Int
  private let substitute: String?
  private var bytes: [UInt8] = []  // read, but not given out yet
  private var isAtEnd = false
  private var isPassingOver = false  // the rest of a line that is too long

  /// - Parameters:
  ///   - longest: bytes of a line at most.
  ///   - substitute: stands in for a line that is longer; nil: that is an error.
  init(_ handle: FileHandle, source: String, longest: Int = 64 << 20, substitute: String? = nil) {
    (self.handle, self.source, self.longest, self.substitute) = (handle, source, longest, substitute)
  }

  /// At least one line, at most `limit`; nil at the end.
  func next(_ limit: Int) throws -> [String]? {
    while !isAtEnd, !bytes.contains(UInt8(ascii: "\n")) { try read() }
    var lines = [String](), start = 0
    while lines.count < limit, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end + 1
    }
    if isAtEnd, lines.count < limit, start < bytes.count {
      lines.append(String(decoding: bytes[start...], as: UTF8.self))
      start = bytes.count
    }
    bytes.removeFirst(start)
    return lines.isEmpty ? nil : lines
  }

  private func read() throws {
    let chunk = handle.availableData
    isAtEnd = chunk.isEmpty
    if isPassingOver {
      guard let end = chunk.firstIndex(of: UInt8(ascii: "\n")) else { return }
      isPassingOver = false
      bytes += chunk[end...]
    } else {
      bytes += chunk
    }
    guard bytes.count > longest, !bytes.contains(UInt8(ascii: "\n")) else { return }
    guard let substitute else {
      throw InputError(path: source, expected: "lines of at most \(longest >> 20) MiB", found: "a longer one")
    }
    bytes = Array(substitute.utf8)
    isPassingOver = true
  }
}
