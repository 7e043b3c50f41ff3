// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the bytes of an output go.
enum Destination {
  /// A file to be, or one to be replaced: links are followed, so that the link stays and its target is replaced.
  case file(String)
  /// A device or pipe, open for writing, which is written in place.
  case stream(Int32)

  /// Looks at what has the name.
  ///
  /// - Parameter patience: seconds that a named pipe has to wait for a program that reads it.
  /// - Throws: `InputError` for what cannot be written to: a folder, a disk, a socket, a pipe without a reader.
  init(_ path: String, patience: Double = 5) throws(InputError) {
    var target = path
    for _ in 0..<40 {
      var status = stat()
      guard lstat(target, &status) == 0 else {
        self = .file(target)
        return
      }
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        if let descriptor = Self.ownDescriptor(target) {
          let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
          guard copy >= 0 else { throw InputError(path: path, expected: "a descriptor that is open", code: errno) }
          self = .stream(copy)
          return
        }
        target = try Self.target(of: target, path: path)
      case S_IFREG:
        self = .file(target)
        return
      case S_IFCHR, S_IFIFO:
        self = .stream(try Self.open(target, path: path, patience: patience))
        return
      default:
        throw InputError(
          path: path, expected: "the name of a file to write", found: kindOfFile(status.st_mode),
          remedy: "Choose another name.")
      }
    }
    throw InputError(path: path, expected: "the name of a file to write", code: ELOOP)
  }

  /// N for `/proc/self/fd/N`, which `/dev/stdout` and `/dev/fd/N` point at: what is written there belongs behind what
  /// this process has written so far, and not into a new file of the same name.
  private static func ownDescriptor(_ path: String) -> Int32? {
    let (folder, name) = folderAndName(of: path)
    guard let number = Int32(name), number >= 0, let real = realpath(folder, nil) else { return nil }
    defer { free(real) }
    return String(cString: real) == "/proc/\(getpid())/fd" ? number : nil
  }

  private static func target(of link: String, path: String) throws(InputError) -> String {
    var bytes = [CChar](repeating: 0, count: 1 << 13)
    let count = readlink(link, &bytes, bytes.count)
    guard count >= 0 else { throw InputError(path: path, expected: "a readable link", code: errno) }
    guard let text = String(validating: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
      throw InputError(
        path: path, expected: "a link to a name in UTF-8", found: "bytes that are not", remedy: "Rename its target.")
    }
    return text.hasPrefix("/") ? text : folderAndName(of: link).folder + text
  }

  private static func open(_ target: String, path: String, patience: Double) throws(InputError) -> Int32 {
    var waited = 0.0
    while true {
      // Without O_NONBLOCK a pipe that nobody reads would hold us here for ever.
      let descriptor = systemOpen(target, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
      if descriptor >= 0 {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        return descriptor
      }
      guard errno == ENXIO, waited < patience else { break }
      usleep(50_000)
      waited += 0.05
    }
    guard errno == ENXIO else { throw InputError(path: path, expected: "a device that can be written", code: errno) }
    throw InputError(
      path: path, expected: "a pipe that a program reads", found: "nobody at its other end for \(Int(patience)) s",
      remedy: "Start the program first, or name a file.")
  }
}

/// `open` of the C library, where a method has the same name.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

/// `a folder`, `a pipe`, …: what a `st_mode` says.
package func kindOfFile(_ mode: some BinaryInteger) -> String {
  switch mode_t(truncatingIfNeeded: mode) & S_IFMT {
  case S_IFREG: "a file"
  case S_IFDIR: "a folder"
  case S_IFLNK: "a link"
  case S_IFIFO: "a pipe"
  case S_IFSOCK: "a socket"
  case S_IFBLK: "a disk"
  default: "a device"
  }
}
