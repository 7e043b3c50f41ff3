// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file or folder held open that no other process (or other part of this one) holds.
///
/// The lock belongs to the open file: it ends with `unlock()`, with the object, or with the process however that dies,
/// so a lock is never left behind. It is advisory, and binds only those who ask for it.
public final class FileLock {
  /// Locked file.
  public let path: String
  let descriptor: Int32
  private var isOpen = true

  /// Creates the file at `path` unless it is there, and locks it.
  ///
  /// - Throws: `InputError` if somebody else holds it, or it cannot be created.
  public convenience init(_ path: String) throws(InputError) {
    try self.init(path, flags: O_RDWR | O_CREAT | O_NONBLOCK)
  }

  /// Creates the folder at `path` unless it is there, and locks it.
  ///
  /// - Throws: `InputError` if somebody else holds it, or it cannot be created.
  public convenience init(folder path: String) throws(InputError) {
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw InputError(path: path, expected: "a folder to write in", code: errno)
    }
    try self.init(path, flags: O_RDONLY | O_DIRECTORY)
  }

  /// Creates a file or folder beside `path` under a name of its own, and locks it.
  ///
  /// - Throws: `InputError` that names `path` if it cannot be created.
  init(temporaryBeside path: String, isFolder: Bool) throws(InputError) {
    clearLeftoversOnce(beside: path)
    while true {
      let name = TemporaryName.make(beside: path), flags = O_CLOEXEC | O_NOFOLLOW
      let isMade = !isFolder || mkdir(name, 0o777) == 0
      guard isMade || errno == EEXIST else {
        throw InputError(path: path, expected: "a folder to write in", code: errno)
      }
      let descriptor =
        isMade ? open(name, flags | (isFolder ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT | O_EXCL), 0o666) : -1
      guard descriptor >= 0 else {
        // Taken already, or cleared away between the two calls: then by another name.
        guard !isMade || errno == EEXIST || (isFolder && errno == ENOENT) else {
          let code = errno
          if isFolder { rmdir(name) }
          throw InputError(path: path, expected: "a place to write to", code: code)
        }
        continue
      }
      // A file system without locks is none in which anything is cleared away.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, Self.isStill(descriptor, at: name) {
        (self.path, self.descriptor) = (name, descriptor)
        return
      }
      close(descriptor)
    }
  }

  /// Locks a file or folder that is there and held by nobody; nil otherwise.
  init?(ifFree path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isStill(descriptor, at: path) else {
      close(descriptor)
      return nil
    }
    (self.path, self.descriptor) = (path, descriptor)
  }

  private init(_ path: String, flags: Int32) throws(InputError) {
    self.path = path
    while true {
      let descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o666)
      guard descriptor >= 0 else { throw InputError(path: path, expected: "a place to write to", code: errno) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(descriptor)
        guard code != EWOULDBLOCK else {
          throw InputError(
            path: path, expected: "a name nobody else writes to", found: "that another process is writing it",
            remedy: "Wait for it to finish, or stop it.")
        }
        throw InputError(path: path, expected: "a file system with locks", code: code)
      }
      // Between opening and locking the other holder may have renamed or deleted it: then try what is there now.
      if Self.isStill(descriptor, at: path) {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  private static func isStill(_ descriptor: Int32, at path: String) -> Bool {
    var opened = stat()
    var named = stat()
    guard fstat(descriptor, &opened) == 0, lstat(path, &named) == 0 else { return false }
    return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  /// Lets others have it. Does nothing the second time.
  public func unlock() {
    guard isOpen else { return }
    isOpen = false
    close(descriptor)
  }

  deinit { unlock() }
}
