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
/// The files are made in `name.partial` beside it, which is renamed when all is on the disk. A process killed between
/// leaves only that, and the next write of the same name clears it away.
public enum AtomicFolder {
  /// Makes the folder at `path` with the files that `body` puts into the folder whose path it is given.
  ///
  /// - Parameters:
  ///   - path: the folder to be. The folders above it are made if absent.
  ///   - replacing: whether a folder of that name may be there; it disappears only when the new one is whole.
  /// - Throws: what `body` throws, or `InputError` if the folder is there already or cannot be made. Nothing is left
  ///   behind then, and a folder that was there before is untouched.
  public static func write<Result>(
    to path: String, replacing: Bool = false, _ body: (String) throws -> Result
  ) throws -> Result {
    let path = withoutTrailingSlashes(path)
    if !replacing { try requireAbsent(path) }
    try makeFolders(parentFolder(of: path))
    // Held while the folder is made, so that two processes do not fill one folder.
    let lock = try FileLock(folder: path + ".partial")
    defer { lock.unlock() }
    do {
      // What a killed process may have left.
      for name in try names(inFolder: lock.path) { try removeTree(lock.path + "/" + name) }
      let result = try body(lock.path)
      try syncTree(lock.path)
      try exchange(lock.path, path, replacing: replacing)
      return result
    } catch {
      try? removeTree(lock.path)
      throw error
    }
  }

  private static func requireAbsent(_ path: String) throws(InputError) {
    var status = stat()
    guard lstat(path, &status) != 0 else {
      throw InputError(
        path: path, expected: "a name that is free", found: "that it exists already",
        remedy: "Choose another name, or ask for it to be replaced.")
    }
  }

  /// Puts the finished folder in the place of what may be there.
  private static func exchange(_ partial: String, _ path: String, replacing: Bool) throws(InputError) {
    let old = path + ".old"
    if replacing {
      try removeTree(old)
      // A folder with content cannot be renamed over, hence two renames; a kill between them leaves both folders whole.
      guard rename(path, old) == 0 || errno == ENOENT else {
        throw InputError(path: path, expected: "a folder that may be replaced", code: errno)
      }
    }
    guard rename(partial, path) == 0 else {
      let code = errno
      if replacing { rename(old, path) }
      throw InputError(path: path, expected: "a place to rename the finished folder to", code: code)
    }
    try syncFolder(holding: path)
    if replacing { try removeTree(old) }
  }
}

private func withoutTrailingSlashes(_ path: String) -> String {
  var bytes = Array(path.utf8)
  while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
  return String(decoding: bytes, as: UTF8.self)
}
