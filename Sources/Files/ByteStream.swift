// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file, pipe or device, read with read(2) and written with write(2): whatever the system answers becomes an
/// error, never the end of the process.
public final class ByteStream: Sendable {
  /// Name in error messages.
  public let name: String
  private let descriptor: Int32
  private let isOwned: Bool

  /// The process's standard input.
  public static let standardInput = ByteStream(descriptor: 0, name: "<stdin>")
  /// The process's standard output.
  public static let standardOutput = ByteStream(descriptor: 1, name: "<stdout>")
  /// The process's standard error.
  public static let standardError = ByteStream(descriptor: 2, name: "<stderr>")

  /// A descriptor that somebody else opened and closes.
  public init(descriptor: Int32, name: String) {
    (self.descriptor, self.name, isOwned) = (descriptor, name, false)
  }

  /// Opens a file, pipe or device for reading.
  ///
  /// - Parameter patience: seconds that a named pipe has to wait for a program that writes into it.
  /// - Throws: `InputError` if it is absent, a folder or unreadable, or a pipe that nobody writes into.
  public init(reading path: String, patience: Double = 5) throws(InputError) {
    // Opening a pipe must not wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw InputError(path: path, expected: "a readable file", code: errno) }
    do throws(InputError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else {
        throw InputError(path: path, expected: "a readable file", code: errno)
      }
      guard status.st_mode & S_IFMT != S_IFDIR else {
        throw InputError(path: path, expected: "a file", found: "a folder")
      }
      if status.st_mode & S_IFMT == S_IFIFO {
        // Without a writer so far there is nothing to be told of: no bytes, and no end either.
        guard isReady(descriptor, POLLIN, within: patience) else {
          throw InputError(
            path: path, expected: "a pipe that a program writes into",
            found: "nobody at its other end for \(Int(patience)) s", remedy: "Start the program first.")
        }
      }
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    } catch {
      close(descriptor)
      throw error
    }
    (self.descriptor, name, isOwned) = (descriptor, path, true)
  }

  deinit { if isOwned { close(descriptor) } }

  /// Reads what is there, waiting until there is something.
  ///
  /// - Returns: the number of bytes, 0 at the end.
  /// - Throws: `InputError` if it cannot be read: a folder, a descriptor that is closed, a device that fails.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    while true {
      if let count = retrying({ systemRead(descriptor, buffer.baseAddress, buffer.count) }) { return count }
      guard errno == EAGAIN else { break }
      _ = isReady(descriptor, POLLIN, within: nil)
    }
    guard errno != EISDIR else { throw InputError(path: name, expected: "a file", found: "a folder") }
    throw InputError(path: name, expected: "something that can be read", code: errno)
  }

  /// Writes all of a text.
  ///
  /// - Returns: 0, or the value of `errno` that ended it.
  public func tryWrite(_ text: String) -> Int32 {
    var text = text
    return text.withUTF8 { tryWriteAll(UnsafeRawBufferPointer($0), to: descriptor) }
  }

  /// Writes all of a text.
  ///
  /// - Throws: `InputError` if not all of it can be written.
  public func write(_ text: String) throws(InputError) {
    let code = tryWrite(text)
    guard code == 0 else {
      throw InputError(path: name, expected: "room for \(text.utf8.count) bytes", code: code)
    }
  }
}

/// `read` of the C library, where a method has the same name.
private func systemRead(_ descriptor: Int32, _ start: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, start, count)
}

/// Waits until a descriptor can be read or written, or its other end has gone.
///
/// - Parameter seconds: how long; nil: as long as it takes.
func isReady(_ descriptor: Int32, _ events: Int32, within seconds: Double?) -> Bool {
  var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  let limit = seconds.map { Int32($0 * 1000) } ?? -1
  return (retrying { Int(poll(&entry, 1, limit)) } ?? 0) > 0
}
