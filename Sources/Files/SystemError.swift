// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension InputError {
  /// Refusal of the operating system, with the remedy for the refusals users meet.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - expected: what was to be done with it: `a readable file`, `room for 40 bytes`.
  ///   - code: the value of `errno`.
  package init(path: String, expected: String, code: Int32) {
    let remedy =
      switch code {
      case ENOSPC, EDQUOT: "Free some space there, or write to another disk."
      case EFBIG: "Raise the limit on the size of files (ulimit -f), or write to another file system."
      case EACCES, EPERM: "Check the permissions of the file and of the folders above it."
      case EROFS: "Write to another place: this file system is read-only."
      case EMFILE: "Raise the limit on open files (ulimit -n), or let less run side by side."
      case ENOENT: "Check the spelling, and that the folder exists."
      default: ""
      }
    self.init(path: path, expected: expected, found: String(cString: strerror(code)).lowercased(), remedy: remedy)
  }
}

/// Calls `body` again as long as a signal interrupts it; the result, or nil with `errno` set.
func retrying(_ body: () -> Int) -> Int? {
  while true {
    let result = body()
    if result >= 0 { return result }
    if errno != EINTR { return nil }
  }
}

/// Writes all of `bytes` to an open file.
///
/// - Parameter path: what errors call the file.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(InputError) {
  let code = tryWriteAll(bytes, to: descriptor)
  guard code == 0 else { throw InputError(path: path, expected: "room for \(bytes.count) more bytes", code: code) }
}

/// Writes all of `bytes` to an open file, waiting where it takes no more at the moment.
///
/// - Returns: 0, or the value of `errno` that ended it.
package func tryWriteAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
  var rest = bytes
  while !rest.isEmpty {
    if let done = retrying({ write(descriptor, rest.baseAddress!, rest.count) }) {
      rest = UnsafeRawBufferPointer(rebasing: rest[done...])
    } else if errno == EAGAIN {
      _ = isReady(descriptor, POLLOUT, within: nil)
    } else {
      return errno
    }
  }
  return 0
}

/// Makes the entries of the folder that holds `path` durable, so that a file renamed into it survives a power cut.
func syncFolder(holding path: String) throws(InputError) {
  let folder = parentFolder(of: path)
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw InputError(path: folder, expected: "a folder to write in", code: errno) }
  defer { close(descriptor) }
  // Some network file systems cannot sync a folder and say EINVAL; there is nothing better to do on them.
  guard fsync(descriptor) == 0 || errno == EINVAL else {
    throw InputError(path: folder, expected: "a folder that can be synced", code: errno)
  }
}

/// `a/b` for `a/b/c` and `a/b/c/`, `.` for `c`, `/` for `/c`.
package func parentFolder(of path: String) -> String {
  let name = path.utf8.reversed().drop { $0 == UInt8(ascii: "/") }
  let above = name.drop { $0 != UInt8(ascii: "/") }
  guard !above.isEmpty else { return "." }
  let folder = above.drop { $0 == UInt8(ascii: "/") }
  return folder.isEmpty ? "/" : String(decoding: folder.reversed(), as: UTF8.self)
}
