// SPDX-License-Identifier: Apache-2.0
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
  private var tooLong: InputError?  // of the line that is being passed over, to be said
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
    guard let lines = try nextLines(limit) else { return nil }
    var texts = [String]()
    for line in lines {
      switch line {
      case .success(let text): texts.append(text)
      case .failure(let error):
        guard let substitute else { throw error }
        texts.append(substitute)
      }
    }
    return texts
  }

  /// As ``next(_:)``, with what is wrong with a line in its place; the lines after it can be read.
  ///
  /// A line that is too long is said to be so as soon as it is, before its end is known.
  ///
  /// - Throws: `InputError` if the stream cannot be read.
  public func nextLines(_ limit: Int) throws(InputError) -> [Result<String, InputError>]? {
    while !isAtEnd, tooLong == nil, lineEnd() == nil { try read() }
    if let error = tooLong {
      tooLong = nil
      return [.failure(error)]
    }
    var lines = [Result<String, InputError>]()
    while lines.count < limit, let end = lineEnd() {
      lines.append(text(start..<end))
      (start, searched) = (end + 1, end + 1)
    }
    if isAtEnd, lines.count < limit, start < bytes.count {
      lines.append(text(start..<bytes.count))
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

  private func text(_ range: Range<Int>) -> Result<String, InputError> {
    number += 1
    if let text = String(validating: bytes[range], as: UTF8.self) { return .success(text) }
    return .failure(
      InputError(
        path: stream.name, place: "line \(number)", expected: "text in UTF-8", found: "bytes that are not",
        remedy: "Save it as UTF-8."))
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
    number += 1
    tooLong = InputError(
      path: stream.name, place: "line \(number)", expected: "lines of at most \(longest >> 20) MiB",
      found: "a longer one", remedy: "Is it one JSON object a line?")
    (bytes, searched, isPassingOver) = ([], 0, true)
  }

  /// Drops what is left of a line that was too long.
  private func passOver() {
    let end = lineEnd()
    bytes.removeSubrange(0..<(end.map { $0 + 1 } ?? bytes.count))
    (searched, isPassingOver) = (0, end == nil)
  }
}
