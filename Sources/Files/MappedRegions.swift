// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Where mapped files lie in memory, so that a handler of SIGBUS can say which one was cut short.
///
/// A handler may run at any moment and on any thread: it takes no lock and no memory. It reads a table of a fixed size;
/// the entry that it looks for belongs to a file that somebody is just touching, and so does not change.
enum MappedRegions {
  private struct Region {
    var start: UInt = 0
    var end: UInt = 0
    /// What is to be said, ready to be written. Never freed while the entry is in use.
    var words: UnsafeMutablePointer<CChar>?
  }

  private static let capacity = 4096
  nonisolated(unsafe) private static let table: UnsafeMutablePointer<Region> = {
    let table = UnsafeMutablePointer<Region>.allocate(capacity: capacity)
    table.initialize(repeating: Region(), count: capacity)
    return table
  }()
  /// Entries that are free, the first to be used last.
  private static let free = Mutex(Array((0..<capacity).reversed()))

  /// - Returns: the entry; nil where there are more files than entries, and one goes without.
  static func add(_ bytes: UnsafeRawBufferPointer, path: String) -> Int? {
    free.withLock { free in
      guard let index = free.popLast() else { return nil }
      let start = UInt(bitPattern: bytes.baseAddress)

      let words = InputError(
        path: path, expected: "a file that stays as it is while it is read",
        found: "that another program cut it short", remedy: "Restore it and start again.")
      table[index] = Region(start: start, end: start + UInt(bytes.count), words: strdup("dist2: \(words)\n"))
      return index
    }
  }

  static func remove(_ index: Int?) {
    guard let index else { return }
    free.withLock { free in
      let words = table[index].words
      table[index] = Region()
      deallocate(words)
      free.append(index)
    }
  }

  /// Handles SIGBUS from now on.
  static func listen() {
    _ = table[0]  // made here, not in the handler
    var action = sigaction()
    action.sa_flags = SA_SIGINFO
    #if canImport(Glibc)
      action.__sigaction_handler.sa_sigaction = { _, info, _ in
        MappedRegions.handle(UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr))
      }
    #else
      action.__sigaction_u.__sa_sigaction = { _, info, _ in
        MappedRegions.handle(UInt(bitPattern: info?.pointee.si_addr))
      }
    #endif
    sigaction(SIGBUS, &action, nil)
  }

  private static func handle(_ address: UInt) {
    var index = 0
    while index < capacity {
      let region = table[index]
      if region.start <= address, address < region.end, let words = region.words {
        _ = write(2, words, strlen(words))
        _exit(1)
      }
      index += 1
    }
    // Something else: the same touch again, and the system's own answer.
    signal(SIGBUS, SIG_DFL)
  }
}

/// `free` of the C library, where a property has the same name.
private func deallocate(_ words: UnsafeMutablePointer<CChar>?) { free(words) }
