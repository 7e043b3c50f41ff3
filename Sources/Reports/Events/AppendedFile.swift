// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// A file that grows at its end, each write handed to the system whole: what was written survives the process's death,
/// what was synced the machine's.
final class AppendedFile {
  let path: String
  private let descriptor: Int32

  /// Treatment of a file that exists already.
  enum Existing {
    case continued, emptied, refused
  }

  init(_ path: String, existing: Existing) throws(InputError) {
    self.path = path
    let flag =
      switch existing {
      case .continued: Int32(0)
      case .emptied: O_TRUNC
      case .refused: O_EXCL
      }
    // A pipe without a reader must not hold us here for ever.
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | flag, 0o644)
    var status = stat()
    guard descriptor < 0 || fstat(descriptor, &status) == 0, descriptor >= 0 || errno == ENXIO else {
      throw InputError(path: path, expected: "a file that can be written", code: errno)
    }
    guard descriptor >= 0, status.st_mode & S_IFMT == S_IFREG else {
      if descriptor >= 0 { close(descriptor) }
      throw InputError(
        path: path, expected: "a file that can be added to, and cut",
        found: descriptor < 0 ? "a pipe or socket" : kindOfFile(status.st_mode), remedy: "Remove it.")
    }
  }

  deinit {
    close(descriptor)
  }

  func append(_ bytes: [UInt8]) throws(InputError) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(InputError) in try writeAll(bytes, to: descriptor, path: path) }
    }
    try result.get()
  }

  /// Cuts the file after `size` bytes.
  func truncate(to size: Int) throws(InputError) {
    if ftruncate(descriptor, off_t(size)) != 0 {
      throw InputError(path: path, expected: "a file that can be cut", code: errno)
    }
  }

  /// Returns when the bytes are on the disk.
  func sync() throws(InputError) {
    if fsync(descriptor) != 0 { throw InputError(path: path, expected: "a file that can be synced", code: errno) }
  }
}
