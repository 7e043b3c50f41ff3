#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lines of a pipe or file, as many as are there without waiting.
public final class LineReader {
  private let stream: ByteStream
  private let longest: Int
  private let substitute: String?
  private var bytes: [UInt8] = []  // read; those before `start` are given out already
  private var start = 0
  private var searched = 0  // no line ends between `start` and here
  private var number = 0  // lines given out
  private var isAtEnd = false
  private var isPassingOver = false  // the rest of a line that is too long
  private static let chunk = 1 << 16

  /// - Parameters:
  ///   - longest: bytes of a line at most.
  ///   - substitute: stands in for a line that is longer, or no UTF-8; nil: that is an error.
  public init(_ stream: ByteStream, longest: Int = 64 << 20, substitute: String? = nil) {
    (self.stream, self.longest, self.substitute) = (stream, longest, substitute)
  }

  /// At least one line, at most `limit`; nil at the end.
  ///
  /// - Throws: `InputError` if the stream cannot be read, or for a line without a substitute.
  public func next(_ limit: Int) throws(InputError) -> [String]? {
    while !isAtEnd, lineEnd() == nil { try read() }
    var lines = [String]()
    while lines.count < limit, let end = lineEnd() {
      lines.append(try text(start..<end))
      (start, searched) = (end + 1, end + 1)
    }
    if isAtEnd, lines.count < limit, start < bytes.count {
      lines.append(try text(start..<bytes.count))
      (start, searched) = (bytes.count, bytes.count)
    }
    return lines.isEmpty ? nil : lines
  }

  /// Where the first line that is not given out ends; nil if its end has not been read. What was searched is not
  /// searched again, so a long line takes no longer than many short ones.
  private func lineEnd() -> Int? {
    let end = bytes.withUnsafeBytes { all -> Int? in
      let rest = UnsafeRawBufferPointer(rebasing: all[searched...])
      guard let base = rest.baseAddress, let found = memchr(base, 0x0A, rest.count) else { return nil }
      return searched + (UnsafeRawPointer(found) - base)
    }
    searched = end ?? bytes.count
    return end
  }

  private func text(_ range: Range<Int>) throws(InputError) -> String {
    number += 1
    if let text = String(validating: bytes[range], as: UTF8.self) { return text }
    guard let substitute else {
      throw InputError(
        path: stream.name, place: "line \(number)", expected: "text in UTF-8", found: "bytes that are not",
        remedy: "Save it as UTF-8.")
    }
    return substitute
  }

  private func read() throws(InputError) {
    bytes.removeFirst(start)
    (start, searched) = (0, searched - start)
    var failure: InputError?
    let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
      do throws(InputError) { count = try stream.read(into: UnsafeMutableRawBufferPointer(buffer)) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    bytes += chunk
    isAtEnd = chunk.isEmpty
    if isPassingOver { passOver() }
    guard lineEnd() == nil, bytes.count > longest else { return }
    guard let substitute else {
      throw InputError(
        path: stream.name, place: "line \(number + 1)", expected: "lines of at most \(longest >> 20) MiB",
        found: "a longer one",
        remedy: "Is it one JSON object a line?")
    }
    bytes = Array(substitute.utf8)
    searched = bytes.count
    isPassingOver = true
  }

  /// Drops what was read behind the substitute, up to the end of the line it stands for.
  private func passOver() {
    let kept = substitute?.utf8.count ?? 0
    let end = lineEnd()
    bytes.removeSubrange(kept..<(end ?? bytes.count))
    searched = kept
    isPassingOver = end == nil
  }
}
