// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The whole of a regular file.
///
/// - Parameters:
///   - path: the file, as errors name it.
///   - limit: the most bytes to hold; a larger file is refused before a byte is read.
/// - Throws: `InputError` if the file is absent, a directory or device, not readable, or larger than `limit`.
public func fileBytes(_ path: String, limit: Int = 1 << 30) throws(InputError) -> [UInt8] {
  var status = stat()
  guard stat(path, &status) == 0 else {
    throw InputError(path: path, expected: "a readable file", code: errno)
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw InputError(path: path, expected: "a file", found: kindOfFile(status.st_mode))
  }
  let size = Int(status.st_size)
  guard size <= limit else {
    throw InputError(path: path, expected: "at most \(limit) bytes", found: "\(size) bytes")
  }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else {
    throw InputError(path: path, expected: "a readable file", code: errno)
  }
  defer { close(descriptor) }
  var failure: Int32 = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let done = read(descriptor, buffer.baseAddress! + count, size - count)
      if done < 0, errno == EINTR { continue }
      if done < 0 { failure = errno }
      if done <= 0 { return }
      count += done
    }
  }
  guard failure == 0 else {
    throw InputError(path: path, expected: "a readable file", code: failure)
  }
  return bytes
}

/// Whether anything is at `path`.
public func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
