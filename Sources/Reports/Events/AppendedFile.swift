import Files
import Foundation

/// A file that grows at its end, each write handed to the system whole: what was written survives the process's death,
/// what was synced the machine's.
final class AppendedFile {
  let path: String
  private let descriptor: Int32

  /// What becomes of a file that is there already.
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
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flag, 0o644)
    if descriptor < 0 { throw Self.failure(path, expected: "a file that can be written") }
  }

  deinit {
    close(descriptor)
  }

  func append(_ bytes: [UInt8]) throws(InputError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Self.failure(path, expected: "room to write \(rest.count) bytes") }
      rest = rest.dropFirst(count)
    }
  }

  /// Cuts the file after `size` bytes.
  func truncate(to size: Int) throws(InputError) {
    if ftruncate(descriptor, off_t(size)) != 0 { throw Self.failure(path, expected: "a file that can be cut") }
  }

  /// Returns when the bytes are on the disk.
  func sync() throws(InputError) {
    if fsync(descriptor) != 0 { throw Self.failure(path, expected: "a file that can be synced") }
  }

  private static func failure(_ path: String, expected: String) -> InputError {
    InputError(path: path, expected: expected, found: String(cString: strerror(errno)))
  }
}
