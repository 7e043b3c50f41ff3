// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Names of files and folders that are being made: `NAME.dist2-` with sixteen random digits and eight that check them.
///
/// Nobody can guess such a name beforehand, and by the check we know our own again: whatever else is called like that
/// is the user's.
enum TemporaryName {
  /// Meaning of a name.
  enum Kind: String, CaseIterable {
    /// Something that is being made, or deleted.
    case partial = ".dist2-"
    /// A folder that makes room for another, on file systems that cannot exchange the two.
    case old = ".dist2-old-"
  }

  /// Longer names are cut, so that there is room for what is added (255 bytes in most file systems).
  static let longest = 200

  /// A new name beside `path`.
  static func make(beside path: String, _ kind: Kind = .partial) -> String {
    var (folder, name) = folderAndName(of: path)
    while name.utf8.count > longest { name.removeLast() }
    let random = hex(UInt64.random(in: 0 ... .max), digits: 16)
    return folder + name + kind.rawValue + random + check(name, kind, random)
  }

  /// Meaning of a name of our own, and the name it was made for; nil for the names of others.
  static func parse(_ name: String) -> (kind: Kind, original: String)? {
    for kind in Kind.allCases {
      let digits = name.suffix(24), stem = name.dropLast(24)
      guard digits.utf8.count == 24, stem.hasSuffix(kind.rawValue) else { continue }
      let original = String(stem.dropLast(kind.rawValue.count)), random = String(digits.prefix(16))
      if digits.dropFirst(16) == check(original, kind, random) { return (kind, original) }
    }
    return nil
  }

  /// FNV-1a of all that comes before.
  private static func check(_ name: String, _ kind: Kind, _ random: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (name + kind.rawValue + random).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hex(hash >> 32, digits: 8)
  }

  private static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }
}

/// `a/b/` and `c` for `a/b/c`; nothing and `c` for `c`.
func folderAndName(of path: String) -> (folder: String, name: String) {
  let name = path.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }
  return (
    String(decoding: path.utf8.dropLast(name.count), as: UTF8.self), String(decoding: name.reversed(), as: UTF8.self)
  )
}

/// Clears away what killed processes left half made in a folder: what has a name of our own and is held by nobody.
///
/// Nothing is said of what cannot be cleared away: it harms nobody, and may belong to somebody else.
package func clearLeftovers(inFolder folder: String) {
  guard let names = try? names(inFolder: folder, where: { strstr($0, ".dist2-") != nil }) else { return }
  for name in names {
    guard let (kind, original) = TemporaryName.parse(name) else { continue }
    let path = folder + "/" + name
    // Whoever makes it holds a lock, which ends with the process.
    guard let lock = FileLock(ifFree: path) else { continue }
    // A process that was killed between two renames: the old folder is all there is.
    if kind == .old, rename(path, folder + "/" + original, .keeping) == 0 { continue }
    try? removeTree(path)
    lock.unlock()
  }
}

/// Folders that were looked through already: thousands of files may be written into one.
private let cleared = Mutex<Set<String>>([])

/// Calls ``clearLeftovers(inFolder:)`` the first time that this process writes into a folder.
func clearLeftoversOnce(beside path: String) {
  let folder = parentFolder(of: path)
  var status = stat()
  guard stat(folder, &status) == 0 else { return }
  // Inodes of deleted folders are used again, and paths mean another folder elsewhere.
  let key = "\(status.st_dev) \(status.st_ino) \(folder)"
  if cleared.withLock({ $0.insert(key).inserted }) { clearLeftovers(inFolder: folder) }
}
