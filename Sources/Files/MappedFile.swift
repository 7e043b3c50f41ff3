// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file whose bytes are in memory without having been read: the system brings each page when it is first touched.
///
/// The bytes stay valid as long as the object lives, even if the file is deleted or replaced by a rename meanwhile.
/// A file that another program cuts short in place is the one thing mapping cannot survive: the system sends SIGBUS at the
/// first touch of a missing page. `checkUnchanged()` notices it between two touches, and ``explainCuts()`` makes such a
/// signal end the process with words. All files that dist2 writes are replaced by rename, never cut.
public final class MappedFile: @unchecked Sendable {  // Sendable because the bytes do not change but by agreement.
  /// The file, as errors name it.
  public let path: String
  /// The whole file, never empty. Valid only while this object lives, and the compiler lets it die after its last use:
  /// hold it as long as the pointer, or use `withBytes`.
  public let unsafeBytes: UnsafeRawBufferPointer
  private let descriptor: Int32
  private let status: stat
  private let region: Int?

  /// Maps a regular file.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - copyOnWrite: whether the memory may be written to, which changes no byte of the file: a page is copied at the
  ///     first write to it. Without it such a write ends the process.
  /// - Throws: `InputError` if the file is absent, a folder, unreadable or empty.
  public init(_ path: String, copyOnWrite: Bool = false) throws(InputError) {
    self.path = path
    // Not waiting for a writer, should it be a pipe.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw InputError(path: path, expected: "a readable file", code: errno) }
    do throws(InputError) {
      status = try Self.status(of: descriptor, path: path)
      let size = Int(status.st_size)
      let protection = copyOnWrite ? PROT_READ | PROT_WRITE : PROT_READ
      #if os(Linux)
        // A model larger than what is free must still map: its pages are the file's until written to.
        let flags = MAP_PRIVATE | MAP_NORESERVE
      #else
        let flags = MAP_PRIVATE
      #endif
      guard let start = mmap(nil, size, protection, flags, descriptor, 0), start != MAP_FAILED else {
        throw InputError(path: path, expected: "a file that can be mapped into memory", code: errno)
      }
      unsafeBytes = UnsafeRawBufferPointer(start: start, count: size)
      region = MappedRegions.add(unsafeBytes, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit {
    MappedRegions.remove(region)
    munmap(UnsafeMutableRawPointer(mutating: unsafeBytes.baseAddress), unsafeBytes.count)
    close(descriptor)
  }

  /// Calls `body` with the whole file.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(unsafeBytes) }
  }

  /// Throws if the file has been written to or cut since it was mapped.
  public func checkUnchanged() throws(InputError) {
    var now = stat()
    guard fstat(descriptor, &now) == 0 else { throw InputError(path: path, expected: "a readable file", code: errno) }
    guard now.st_size == status.st_size, now.modified == status.modified else {
      throw InputError(
        path: path, expected: "a file that stays as it is while it is read",
        found: "\(now.st_size) bytes where \(status.st_size) were, or a later date",
        remedy: "Wait until whatever writes it has finished.")
    }
  }

  /// Tells the system that the file will be read once from front to back, so that it reads ahead.
  public func willReadSequentially() {
    madvise(UnsafeMutableRawPointer(mutating: unsafeBytes.baseAddress), unsafeBytes.count, MADV_SEQUENTIAL)
  }

  /// Lets a touch of what is gone from a mapped file (SIGBUS) end the process with exit code 1 and a line that names the
  /// file, instead of a crash. For programs, at their start; signals belong to the process.
  public static func explainCuts() { MappedRegions.listen() }

  private static func status(of descriptor: Int32, path: String) throws(InputError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw InputError(path: path, expected: "a readable file", code: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case let kind: throw InputError(path: path, expected: "a file", found: kindOfFile(kind))
    }
    guard status.st_size > 0 else { throw InputError(path: path, expected: "a file with content", found: "0 bytes") }
    return status
  }
}

extension stat {
  /// Nanoseconds of the last change of content.
  fileprivate var modified: Int {
    #if os(Linux)
      st_mtim.tv_sec * 1_000_000_000 + st_mtim.tv_nsec
    #else
      st_mtimespec.tv_sec * 1_000_000_000 + st_mtimespec.tv_nsec
    #endif
  }
}
