// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name whole or not at all.
///
///     try AtomicFile.write(to: "report.html") { file in
///       try file.write(head)
///       for row in rows { try file.write(row) }
///     }
///
/// The bytes go to a file beside it whose name nobody else has (`report.html.dist2-` and random digits); when the closure
/// returns they are synced and the file is renamed, and when it throws they are deleted. What a killed process leaves the
/// next one that writes into the folder clears away. A link is followed. A device or pipe of that name is written in
/// place: `/dev/stdout`, `/dev/null`.
public final class AtomicFile {
  /// The file to be.
  public let path: String
  /// How many bytes have been written.
  public private(set) var count = 0
  private let sink: Sink
  // Small writes are gathered, so that a caller may write a number at a time.
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 16

  private enum Sink {
    /// A file under a name of its own, and the one it is to have.
    case file(FileLock, target: String)
    case stream(Int32)

    var descriptor: Int32 {
      switch self {
      case .file(let lock, _): lock.descriptor
      case .stream(let descriptor): descriptor
      }
    }
  }

  private init(_ path: String) throws(InputError) {
    self.path = path
    switch try Destination(path) {
    case .file(let target): sink = .file(try FileLock(temporaryBeside: target, isFolder: false), target: target)
    case .stream(let descriptor): sink = .stream(descriptor)
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    if case .stream(let descriptor) = sink { close(descriptor) }
  }

  /// Writes the file at `path` with what `body` gives, and returns what `body` returns.
  ///
  /// - Parameter isSynced: whether to wait until the disk has it. One of thousands of small files need not be, if it
  ///   can be made again: a killed process still leaves it whole or absent, only a machine that fails may leave it empty.
  /// - Throws: what `body` throws, or `InputError` if the file cannot be written; nothing is left behind then, and a
  ///   file that was there before is untouched.
  public static func write<Result>(
    to path: String, isSynced: Bool = true, _ body: (AtomicFile) throws -> Result
  ) throws -> Result {
    let file = try AtomicFile(path)
    do {
      let result = try body(file)
      try file.commit(isSynced: isSynced)
      return result
    } catch {
      if case .file(let lock, _) = file.sink { unlink(lock.path) }
      throw error
    }
  }

  /// Writes the file at `path` with these bytes.
  public static func write(_ bytes: some Sequence<UInt8>, to path: String, isSynced: Bool = true) throws {
    try write(to: path, isSynced: isSynced) { file in try file.write(bytes) }
  }

  /// Adds bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    count += bytes.count
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count < Self.bufferSize {
      buffer.append(contentsOf: bytes)
    } else {
      try writeAll(bytes, to: sink.descriptor, path: path)
    }
  }

  /// Adds bytes; a text is written as `text.utf8`.
  public func write(_ bytes: some Sequence<UInt8>) throws(InputError) {
    let array = Array(bytes)
    let result = array.withUnsafeBytes { buffer in Result { () throws(InputError) in try write(buffer) } }
    try result.get()
  }

  /// Throws unless the disk has room for `bytes` more: better to know before the first hour of work than after it.
  public func expectRoom(for bytes: Int) throws(InputError) {
    guard case .file(let lock, _) = sink else { return }
    try requireRoom(for: bytes, at: path, descriptor: lock.descriptor)
  }

  private func flush() throws(InputError) {
    let result = buffer.withUnsafeBytes { bytes in
      Result { () throws(InputError) in try writeAll(bytes, to: sink.descriptor, path: path) }
    }
    try result.get()
    buffer.removeAll(keepingCapacity: true)
  }

  private func commit(isSynced: Bool) throws(InputError) {
    try flush()
    guard case .file(let lock, let target) = sink else { return }
    guard !isSynced || fsync(lock.descriptor) == 0 else {
      throw InputError(path: path, expected: "room on the disk", code: errno)
    }
    guard rename(lock.path, target) == 0 else {
      throw InputError(path: path, expected: "a place to rename the finished file to", code: errno)
    }
    lock.unlock()
    if isSynced { try syncFolder(holding: target) }
  }
}

/// Throws unless the file system of an open file has room for `bytes` more.
func requireRoom(for bytes: Int, at path: String, descriptor: Int32) throws(InputError) {
  var system = statvfs()
  // A file system that cannot say how full it is will say so when written to.
  guard fstatvfs(descriptor, &system) == 0 else { return }
  let (free, overflow) = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
  guard !overflow, free < UInt64(clamping: bytes) else { return }
  throw InputError(
    path: path, expected: "room for \(bytes) bytes", found: "\(free) bytes free on the disk",
    remedy: "Free some space there, or write to another disk.")
}
