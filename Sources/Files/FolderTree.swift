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
      throw InputError(path: path, expected: "a folder", found: "a file", remedy: "Choose another name.")
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
package func names(inFolder path: String) throws(InputError) -> [String] {
  guard let folder = opendir(path) else { throw InputError(path: path, expected: "a readable folder", code: errno) }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    // The name is longer than the imported tuple says, so it is read through the record itself.
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let name = String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// The size of a file in bytes.
package func fileSize(_ path: String) throws(InputError) -> Int {
  var status = stat()
  guard stat(path, &status) == 0 else { throw InputError(path: path, expected: "a file", code: errno) }
  return Int(status.st_size)
}

/// Deletes a file, a link, or a folder with all it holds; links are not followed. Nothing there is no error.
package func removeTree(_ path: String) throws(InputError) {
  var status = stat()
  guard lstat(path, &status) == 0 else { return }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    guard unlink(path) == 0 else { throw InputError(path: path, expected: "a file that may be deleted", code: errno) }
    return
  }
  for name in try names(inFolder: path) { try removeTree(path + "/" + name) }
  guard rmdir(path) == 0 else { throw InputError(path: path, expected: "a folder that may be deleted", code: errno) }
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
