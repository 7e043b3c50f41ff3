// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Treatment of something that has the new name already.
enum RenameMode: UInt32 {
  /// It stays, and the rename fails.
  case keeping = 1
  /// It gets the old name.
  case exchanging = 2
}

/// Renames; like rename(2), but for what is there.
///
/// - Returns: 0, or −1 with `errno` set: `EINVAL` or `ENOSYS` where the file system has nothing of that kind.
func rename(_ old: String, _ new: String, _ mode: RenameMode) -> Int32 {
  #if canImport(Glibc)
    guard let renameat2 else {
      errno = ENOSYS
      return -1
    }
    return renameat2(AT_FDCWD, old, AT_FDCWD, new, mode.rawValue)
  #else
    return renamex_np(old, new, mode == .keeping ? UInt32(RENAME_EXCL) : UInt32(RENAME_SWAP))
  #endif
}

#if canImport(Glibc)
  private typealias RenameAt2 =
    @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32

  /// Since glibc 2.28; its header shows it to C with GNU's extensions only.
  private let renameat2: RenameAt2? = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: RenameAt2.self) }
#endif
