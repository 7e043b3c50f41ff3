// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder that appears under its name whole or not at all: a checkpoint, an imported model.
///
///     try AtomicFolder.write(to: "checkpoints/step-100") { folder in
///       try AtomicFile.write(config, to: folder + "/config.json")
///     }
///
/// The files are made in a folder beside it whose name nobody else has (`step-100.dist2-` and random digits), which is
/// renamed when all is on the disk. A process killed between leaves only that, and the next one that writes into the
/// folder above clears it away.
public enum AtomicFolder {
  /// Makes the folder at `path` with the files that `body` puts into the folder whose path it is given.
  ///
  /// - Parameters:
  ///   - path: the folder to be. The folders above it are made if absent.
  ///   - replacing: whether a folder of that name may be there, or a link to one; the two change places when the new one
  ///     is whole, so that at no moment there is nothing under the name.
  /// - Throws: what `body` throws, or `InputError` if the folder is there already or cannot be made. Nothing is left
  ///   behind then, and a folder that was there before is untouched.
  public static func write<Result>(
    to path: String, replacing: Bool = false, _ body: (String) throws -> Result
  ) throws -> Result {
    let path = withoutTrailingSlashes(path)
    let target = try replacing ? requireFolder(path) : requireAbsent(path)
    try makeFolders(parentFolder(of: target))
    // Held while the folder is made, so that nobody takes it for what a killed process left.
    let lock = try FileLock(temporaryBeside: target, isFolder: true)
    defer { lock.unlock() }
    do {
      let result = try body(lock.path)
      try syncTree(lock.path)
      try publish(lock.path, target, path, replacing: replacing)
      return result
    } catch {
      try? removeTree(lock.path)
      throw error
    }
  }

  private static func requireAbsent(_ path: String) throws(InputError) -> String {
    var status = stat()
    guard lstat(path, &status) != 0 else { throw taken(path) }
    return path
  }

  private static func taken(_ path: String) -> InputError {
    InputError(
      path: path, expected: "a name that is free", found: "that it exists already",
      remedy: "Choose another name, or replace it: --force.")
  }

  /// The folder to be replaced, or to be made: the one that a link points at.
  private static func requireFolder(_ path: String) throws(InputError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { return path }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw InputError(
        path: path, expected: "a folder that may be replaced", found: kindOfFile(status.st_mode),
        remedy: "Choose another name.")
    }
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil) else {
      return path
    }
    defer { free(real) }
    guard let target = String(validatingCString: real) else {
      throw InputError(path: path, expected: "a link to a name in UTF-8", found: "bytes that are not")
    }
    return target
  }

  /// Gives the finished folder its name.
  private static func publish(
    _ partial: String, _ target: String, _ path: String, replacing: Bool
  ) throws(InputError) {
    if rename(partial, target, .keeping) == 0 { return try syncFolder(holding: target) }
    if errno == EEXIST {
      guard replacing else { throw taken(path) }
      if rename(partial, target, .exchanging) == 0 {
        try syncFolder(holding: target)
        return try removeTree(partial)
      }
    }
    guard errno == EINVAL || errno == ENOSYS || errno == ENOTSUP else { throw unfit(path, errno) }
    try publishInSteps(partial, target, path, replacing: replacing)
  }

  /// Where the file system cannot exchange two names. A kill between the two renames leaves nothing under the name; the
  /// next process that writes beside it puts the old folder back.
  private static func publishInSteps(
    _ partial: String, _ target: String, _ path: String, replacing: Bool
  ) throws(InputError) {
    var status = stat()
    guard lstat(target, &status) == 0 else {
      guard rename(partial, target) == 0 else { throw unfit(path, errno) }
      return try syncFolder(holding: target)
    }
    guard replacing else { throw taken(path) }
    guard folderAndName(of: target).name.utf8.count <= TemporaryName.longest else { throw unfit(path, ENAMETOOLONG) }
    let old = TemporaryName.make(beside: target, .old), lock = try FileLock(folder: target)
    defer { lock.unlock() }
    guard rename(target, old) == 0 else { throw unfit(path, errno) }
    guard rename(partial, target) == 0 else {
      let code = errno
      rename(old, target)
      throw unfit(path, code)
    }
    try syncFolder(holding: target)
    try removeTree(old)
  }

  private static func unfit(_ path: String, _ code: Int32) -> InputError {
    InputError(path: path, expected: "a place to rename the finished folder to", code: code)
  }
}

private func withoutTrailingSlashes(_ path: String) -> String {
  var bytes = Array(path.utf8)
  while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
  return String(decoding: bytes, as: UTF8.self)
}
