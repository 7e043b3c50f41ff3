// SPDX-License-Identifier: Apache-2.0
/// The merges of a BPE model: which two tokens join, how early, and into what.
///
/// One flat table with an entry of 16 bytes a merge; the class owns its memory and never writes after loading.
final class MergeTable: @unchecked Sendable {
  /// A merge. `rank` is its place in the file: lower joins first.
  struct Merge {
    var rank: UInt32
    var id: Int32
    static let none = Merge(rank: .max, id: -1)
  }

  private struct Entry {
    var pair: UInt64  // .max = empty; ids are below 2³¹, so no pair has this value
    var merge: Merge
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let mask: Int

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    entries = .allocate(capacity: size)
    entries.initialize(repeating: Entry(pair: .max, merge: .none), count: size)
    mask = size - 1
  }

  deinit { entries.deallocate() }

  /// Adds a merge; of one given twice the later counts, as in the tokenizers package. At most `capacity` in all.
  func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
    let slot = slot(left, right)
    entries[slot] = Entry(pair: Self.pair(left, right), merge: merge)
  }

  /// The merge of two tokens; `.none` if there is none.
  @inline(__always) subscript(left: Int32, right: Int32) -> Merge { entries[slot(left, right)].merge }

  @inline(__always) private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always) private func slot(_ left: Int32, _ right: Int32) -> Int {
    let pair = Self.pair(left, right)
    let product = pair.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    var slot = Int(truncatingIfNeeded: product.high ^ product.low) & mask
    while case let found = entries[slot].pair, found != pair, found != .max { slot = (slot + 1) & mask }
    return slot
  }
}
