// SPDX-License-Identifier: Apache-2.0
/// Workspace of one thread that tokenises: buffers that are used again, and the words it has seen.
///
/// A value passed inout: a class would pay for a check of exclusive access at every touch.
struct TokenWorkspace: Sendable {
  /// A token of a word and how many of the word's bytes it covers; with none, those that the token before it covers.
  struct Token: Sendable {
    var id: Int32
    var length: Int32
  }

  /// The tokens so far; callers clear it.
  var tokens: [Token] = []
  /// The symbols of the word at hand.
  var symbols: [Token] = []
  /// The best ways to each place of the word at hand.
  var paths: [UnigramModel.Path] = []
  var cache = WordCache()
  private var ranks: [MergeTable.Merge] = []
  private var previous: [Int32] = []
  private var following: [Int32] = []
  private var queue = MinimumHeap()

  @inline(__always) mutating func append(_ id: Int32, length: Int) {
    tokens.append(Token(id: id, length: Int32(length)))
  }

  /// Joins `symbols` by the merges and appends what is left to `tokens`.
  mutating func merge(by merges: MergeTable) {
    if symbols.count <= 32 {
      mergeShort(merges)
    } else {
      mergeLong(merges)
    }
  }

  /// For the usual word, looking at every pair each time is quicker than keeping a queue.
  private mutating func mergeShort(_ merges: MergeTable) {
    ranks.removeAll(keepingCapacity: true)
    for index in symbols.indices.dropLast() { ranks.append(merges[symbols[index].id, symbols[index + 1].id]) }
    while let best = lowest() {
      symbols[best].id = ranks[best].id
      symbols[best].length += symbols[best + 1].length
      symbols.remove(at: best + 1)
      ranks.remove(at: best)
      if best > 0 { ranks[best - 1] = merges[symbols[best - 1].id, symbols[best].id] }
      if best < ranks.count { ranks[best] = merges[symbols[best].id, symbols[best + 1].id] }
    }
    tokens.append(contentsOf: symbols)
  }

  private func lowest() -> Int? {
    var best = -1
    var rank = UInt32.max
    for index in ranks.indices where ranks[index].rank < rank {
      rank = ranks[index].rank
      best = index
    }
    return best < 0 ? nil : best
  }

  /// For text that is not cut into words (Llama 2, Phi 3): a queue of pairs over a linked list, n log n.
  private mutating func mergeLong(_ merges: MergeTable) {
    let count = symbols.count
    previous = (0..<Int32(count)).map { $0 - 1 }
    following = (1...Int32(count)).map { $0 }
    queue.removeAll()
    for index in 0..<count - 1 { push(index, index + 1, merges) }
    while let top = queue.pop() {
      let left = Int(top & 0xFFFF_FFFF)
      let right = Int(following[left])
      guard symbols[left].length > 0, right < count else { continue }
      let merge = merges[symbols[left].id, symbols[right].id]
      guard merge.id >= 0, UInt64(merge.rank) == top >> 32 else { continue }  // a neighbour has joined since
      symbols[left].id = merge.id
      symbols[left].length += symbols[right].length
      symbols[right].length = 0
      let next = Int(following[right])
      following[left] = Int32(next)
      if next < count {
        previous[next] = Int32(left)
        push(left, next, merges)
      }
      if previous[left] >= 0 { push(Int(previous[left]), left, merges) }
    }
    for symbol in symbols where symbol.length > 0 { tokens.append(symbol) }
  }

  private mutating func push(_ left: Int, _ right: Int, _ merges: MergeTable) {
    let merge = merges[symbols[left].id, symbols[right].id]
    if merge.id >= 0 { queue.push(UInt64(merge.rank) << 32 | UInt64(left)) }
  }
}

/// A binary heap of numbers, least first.
struct MinimumHeap: Sendable {
  private var items: [UInt64] = []

  mutating func removeAll() { items.removeAll(keepingCapacity: true) }

  mutating func push(_ item: UInt64) {
    items.append(item)
    items.withUnsafeMutableBufferPointer { items in
      var index = items.count - 1
      while index > 0, case let parent = (index - 1) / 2, items[parent] > item {
        items[index] = items[parent]
        index = parent
      }
      items[index] = item
    }
  }

  mutating func pop() -> UInt64? {
    guard let top = items.first else { return nil }
    let item = items.removeLast()
    if items.isEmpty { return top }
    items.withUnsafeMutableBufferPointer { items in
      var index = 0
      while true {
        var child = 2 * index + 1
        guard child < items.count else { break }
        if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
        guard items[child] < item else { break }
        items[index] = items[child]
        index = child
      }
      items[index] = item
    }
    return top
  }
}
