// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Makes `path` and the folders above it, as far as they are absent.
public func makeFolders(_ path: String) throws(InputError) {
  var status = stat()
  if stat(path, &status) == 0 {
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw InputError(
        path: path, expected: "a folder", found: kindOfFile(status.st_mode), remedy: "Choose another name.")
    }
    return
  }
  let parent = parentFolder(of: path)
  if parent != path { try makeFolders(parent) }
  guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
    throw InputError(path: path, expected: "a folder that can be made", code: errno)
  }
}

/// The names in a folder, without `.` and `..`, sorted.
///
/// - Throws: `InputError` if it cannot be read, or holds a name that is not UTF-8 and so could not be opened again.
package func names(inFolder path: String) throws(InputError) -> [String] {
  try names(inFolder: path, where: { _ in true })
}

/// The names in a folder for which `isWanted` is true, sorted.
func names(inFolder path: String, where isWanted: (UnsafePointer<CChar>) -> Bool) throws(InputError) -> [String] {
  var names: [String] = [], code: Int32 = 0
  code = forEachName(inFolder: path) { name in
    guard isWanted(name) else { return 0 }
    guard let text = String(validatingCString: name) else { return EILSEQ }
    names.append(text)
    return 0
  }
  guard code != EILSEQ else {
    throw InputError(
      path: path, expected: "names in UTF-8", found: "one with bytes that are not",
      remedy: "Rename it, or move it away.")
  }
  guard code == 0 else { throw InputError(path: path, expected: "a readable folder", code: code) }
  return names.sorted()
}

/// Calls `body` with every name in a folder but `.` and `..`, until it returns a number other than 0.
///
/// - Returns: that number, 0 at the end, or the value of `errno` for a folder that cannot be read.
private func forEachName(inFolder path: UnsafePointer<CChar>, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
  guard let folder = opendir(path) else { return errno }
  defer { closedir(folder) }
  while true {
    errno = 0
    guard let entry = readdir(folder) else { return errno }
    // The name is longer than the imported tuple says, so it is read through the record itself.
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
    guard strcmp(name, ".") != 0, strcmp(name, "..") != 0 else { continue }
    let code = body(name)
    guard code == 0 else { return code }
  }
}

/// The size of a file in bytes.
package func fileSize(_ path: String) throws(InputError) -> Int {
  var status = stat()
  guard stat(path, &status) == 0 else { throw InputError(path: path, expected: "a file", code: errno) }
  return Int(status.st_size)
}

/// Deletes a file, a link, or a folder with all it holds; links are not followed. Nothing there is no error.
package func removeTree(_ path: String) throws(InputError) {
  let code = path.withCString { removeTree($0) }
  guard code == 0 else { throw InputError(path: path, expected: "a file or folder that may be deleted", code: code) }
}

/// Deletes a folder that must not be seen half deleted: it loses its name first. What a kill leaves of it the next process
/// that writes beside it clears away. Nothing there is no error.
package func removeWhole(_ path: String) throws(InputError) {
  let doomed = TemporaryName.make(beside: path)
  guard rename(path, doomed) == 0 else {
    guard errno != ENOENT else { return }
    throw InputError(path: path, expected: "a folder that may be removed", code: errno)
  }
  try removeTree(doomed)
}

/// The same as ``removeTree(_:)`` for a path of any bytes: a user's folder may hold names that are not UTF-8.
///
/// - Returns: 0, or the value of `errno`.
private func removeTree(_ path: UnsafePointer<CChar>) -> Int32 {
  // What somebody else has deleted meanwhile is deleted.
  func outcome(_ result: Int32) -> Int32 { result == 0 || errno == ENOENT ? 0 : errno }
  var status = stat()
  guard lstat(path, &status) == 0 else { return outcome(-1) }
  guard status.st_mode & S_IFMT == S_IFDIR else { return outcome(unlink(path)) }
  // Names first: what readdir(3) says of a folder that changes meanwhile is left open.
  var below: [[CChar]] = []
  let stem = Array(UnsafeBufferPointer(start: path, count: strlen(path))) + [CChar(bitPattern: UInt8(ascii: "/"))]
  var code = forEachName(inFolder: path) { name in
    below.append(stem + Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1)))
    return 0
  }
  for path in below where code == 0 { code = removeTree(path) }
  guard code == 0 else { return code == ENOENT ? 0 : code }
  return outcome(rmdir(path))
}

/// Makes a folder, what it holds and what its folders hold durable.
func syncTree(_ path: String) throws(InputError) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  guard descriptor >= 0 else { throw InputError(path: path, expected: "a readable file", code: errno) }
  defer { close(descriptor) }
  var status = stat()
  if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
    for name in try names(inFolder: path) { try syncTree(path + "/" + name) }
  }
  guard fsync(descriptor) == 0 || errno == EINVAL else {
    throw InputError(path: path, expected: "room on the disk", code: errno)
  }
}
