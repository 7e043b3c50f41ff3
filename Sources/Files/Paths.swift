// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A path as seen from a folder, absolute, without `.` and, where that means the same, without `..`.
///
/// `a/..` is nothing only if `a` is no link: behind a link `..` is the folder above its target.
///
/// - Parameters:
///   - path: absolute, or as seen from `folder`.
///   - folder: absolute, or as seen from the current folder.
package func absolutePath(_ path: String, from folder: String = ".") -> String {
  if path.hasPrefix("/") { return simplified(path) }
  if folder.hasPrefix("/") { return simplified(folder + "/" + path) }
  return simplified(currentFolder + "/" + folder + "/" + path)
}

/// The current folder; `.` if it has no name any more.
private var currentFolder: String {
  guard let name = getcwd(nil, 0) else { return "." }
  defer { free(name) }
  return String(cString: name)
}

private func simplified(_ path: String) -> String {
  var parts: [Substring] = []
  for part in path.split(separator: "/", omittingEmptySubsequences: true) where part != "." {
    guard part == "..", parts.last != ".." else {
      parts.append(part)
      continue
    }
    if parts.isEmpty { continue }  // above the root is the root
    if isLink("/" + parts.joined(separator: "/")) { parts.append(part) } else { parts.removeLast() }
  }
  return "/" + parts.joined(separator: "/")
}

private func isLink(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}

/// Throws unless a name that comes from data can be that of a file in one folder: not empty, no `/`, neither `.` nor `..`.
///
/// - Parameters:
///   - path: where the name comes from, for the error.
///   - place: as ``InputError/place``.
package func requireFileName(_ name: String, path: String, place: String) throws(InputError) {
  let isName =
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 200
    && !name.unicodeScalars.contains { $0 == "/" || $0.value < 32 || $0.value == 127 }
  guard isName else {
    throw InputError(
      path: path, place: place, expected: "a name that a file can have: no slash, at most 200 bytes",
      found: "\"\(name.prefix(60))\"", remedy: "Rename it in the data.")
  }
}
