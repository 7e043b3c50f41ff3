// SPDX-License-Identifier: Apache-2.0
/// Strings of bytes and a number for each, as a double array (Aoe 1989): the child of a node by a byte, if it has one, lies
/// at the node's base plus the byte, and knows its parent. A step is one look.
///
/// The class owns its memory and never writes after `init`, so threads may share it.
final class ByteTrie: @unchecked Sendable {
  private struct Node {
    var base: Int32 = 0
    var parent: Int32 = -1  // of free nodes, and of the root
    var value: Int32 = -1
  }

  /// The node of the empty string.
  static let root = 0

  private let nodes: UnsafeMutablePointer<Node>
  /// Bytes of the longest string.
  let depth: Int

  /// All tokens of a vocabulary and their ids.
  convenience init(_ vocabulary: Vocabulary) {
    self.init(
      (0..<Int32(vocabulary.count)).compactMap { id in
        // Of a text that two ids have, the later counts.
        vocabulary.bytes(of: id).flatMap { bytes in
          bytes.withUnsafeBufferPointer { vocabulary.id(of: $0) } == id ? (bytes, id) : nil
        }
      })
  }

  /// - Parameter strings: each once; the empty one is left out.
  init(_ strings: [(bytes: ArraySlice<UInt8>, value: Int32)]) {
    let sorted = strings.filter { !$0.bytes.isEmpty }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    depth = sorted.lazy.map(\.bytes.count).max() ?? 0
    var array = Slots()
    var nodes = [Node()]
    // Nodes whose children are still to be placed: the strings below them, and how long what they share is.
    var pending = sorted.isEmpty ? [] : [(node: Self.root, strings: sorted.indices, depth: 0)]
    while let (node, range, depth) = pending.popLast() {
      var range = range
      func byte(_ index: Int) -> UInt8 { sorted[index].bytes[sorted[index].bytes.startIndex + depth] }
      if sorted[range.lowerBound].bytes.count == depth {
        nodes[node].value = sorted[range.lowerBound].value
        range = range.dropFirst()
      }
      var children: [(byte: UInt8, strings: Range<Int>)] = []
      while let first = range.first {
        var end = first + 1
        while end < range.upperBound, byte(end) == byte(first) { end += 1 }
        children.append((byte(first), first..<end))
        range = end..<range.upperBound
      }
      guard !children.isEmpty else { continue }
      let base = array.place(children.map { Int($0.byte) })
      if array.count > nodes.count {
        nodes.append(contentsOf: repeatElement(Node(), count: array.count - nodes.count))
      }
      nodes[node].base = Int32(base)
      for child in children {
        nodes[base + Int(child.byte)].parent = Int32(node)
        pending.append((base + Int(child.byte), child.strings, depth + 1))
      }
    }
    // With room for a byte after the last base, a step needs no check of bounds.
    let memory = UnsafeMutablePointer<Node>.allocate(capacity: nodes.count + 256)
    memory.initialize(repeating: Node(), count: nodes.count + 256)
    for (index, node) in nodes.enumerated() { memory[index] = node }
    self.nodes = memory
  }

  deinit { nodes.deallocate() }

  /// The node one byte further; nil if no string goes on so.
  @inline(__always) func child(of node: Int, _ byte: UInt8) -> Int? {
    let child = Int(nodes[node].base) + Int(byte)
    return nodes[child].parent == Int32(truncatingIfNeeded: node) ? child : nil
  }

  /// The number of the string that ends at a node; −1 if none does.
  @inline(__always) func value(of node: Int) -> Int32 { nodes[node].value }

  /// The node of a string that others may go on from.
  func node(_ string: [UInt8]) -> Int? {
    string.reduce(Self.root) { node, byte in node.flatMap { child(of: $0, byte) } }
  }
}

/// Which places of a double array are taken.
private struct Slots {
  /// Free places as a list: the next free place after each, and the one before it.
  private var next: [Int32] = [0]
  private var previous: [Int32] = [0]  // place 0 is the root's and the list's both ends

  var count: Int { next.count }
  /// Places looked at before the array grows; more would fill it better and take longer.
  private static let attempts = 64

  /// Takes places for children by these bytes, in ascending order.
  ///
  /// - Returns: the base, at least 1.
  mutating func place(_ bytes: [Int]) -> Int {
    var slot = Int(next[0])
    var attempts = 0
    var base: Int?
    while slot != 0, attempts < Self.attempts, base == nil {
      if case let candidate = slot - bytes[0], candidate >= 1, bytes.allSatisfy({ isFree(candidate + $0) }) {
        base = candidate
      }
      slot = Int(next[slot])
      attempts += 1
    }
    let result = base ?? max(1, count - bytes[0])
    grow(to: result + bytes.last! + 1)
    for byte in bytes { take(result + byte) }
    return result
  }

  private func isFree(_ slot: Int) -> Bool { slot >= count || next[slot] >= 0 }

  private mutating func grow(to size: Int) {
    while next.count < size {
      let slot = Int32(next.count), last = previous[0]
      next.append(0)
      previous.append(last)
      next[Int(last)] = slot
      previous[0] = slot
    }
  }

  private mutating func take(_ slot: Int) {
    next[Int(previous[slot])] = next[slot]
    previous[Int(next[slot])] = previous[slot]
    next[slot] = -1
  }
}
