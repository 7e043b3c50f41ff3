// SPDX-License-Identifier: Apache-2.0
/// The numbers of a format as a tokenizer writes them, several digits a token: a tree of tokens with the values that
/// begin so at each node.
///
/// A node knows which of its children each stretch of neighbouring values goes on with, so that the probability of the
/// next token is a quotient of sums over stretches, as that of the next character is (``NumberPrefix``), and only those
/// are looked at that have mass. Built once.
public struct NumberTrie: Sendable, Hashable {
  /// The values.
  public let format: ValueFormat
  /// The tokens that they are written with.
  public let space: TokenSpace

  /// The token that is a space and nothing else, and may belong to a number or stand before it; nil for none.
  public let blank: Int32?

  /// The most values: of more, building takes long and tens of bytes each.
  public static let largest = 1 << 20

  /// The node of a number's beginning, before its first token.
  static let root = 0

  /// By node, the root first, children of one node side by side: the candidate that leads there.
  let candidates: [Int32]
  /// By node: its first child; a node's children end where the next one's begin. They ascend by candidate.
  let firstChild: [Int32]
  /// By node: its first stretch.
  let firstStretch: [Int32]
  /// Stretches of values, counted from the format's least, ascending within a node.
  let lows, highs: [Int32]
  /// By stretch: the child that its values go on with, or ``end``.
  let ways: [Int32]

  /// What values go on with that end at a node.
  static let end: Int32 = -1

  func children(of node: Int) -> Range<Int> { Int(firstChild[node])..<Int(firstChild[node + 1]) }
  func stretches(of node: Int) -> Range<Int> { Int(firstStretch[node])..<Int(firstStretch[node + 1]) }

  /// The nodes of a value's beginnings, from the root to where it ends.
  func nodes(along index: Int) -> [Int] {
    let offset = Int32(index - format.indices.lowerBound)
    var node = Self.root, nodes = [node]
    while true {
      let at = stretches(of: node).firstByHalving { highs[$0] >= offset }
      guard let at, lows[at] <= offset else { preconditionFailure("value \(index) is not in the trie") }
      guard ways[at] != Self.end else { return nodes }
      node = Int(ways[at])
      nodes.append(node)
    }
  }

  /// Whether a number must be told from a longer one that begins with the same tokens by what follows it.
  public var needsEnds: Bool {
    candidates.indices.contains { stretches(of: $0).count > 1 && value(at: $0) != nil }
  }

  /// Number of nodes, for measurements.
  public var nodeCount: Int { candidates.count }

  /// The tokens that write a value, as candidates of ``space``.
  public func candidates(of index: Int) -> [Int] { nodes(along: index).dropFirst().map { Int(candidates[$0]) } }

  /// The tokens that write a value.
  public func ids(of index: Int) -> [Int32] { candidates(of: index).map { space.ids[$0] } }

  /// The value that tokens write; nil if they are not those of one.
  public func index(of ids: some Sequence<Int32>) -> Int? { node(of: ids).flatMap { value(at: $0) } }

  /// The tokens that may follow others, and the value that these write themselves; nil if no value begins so.
  public func after(_ ids: some Sequence<Int32>) -> (next: [Int32], value: Int?)? {
    node(of: ids).map { node in
      (children(of: node).map { space.ids[Int(candidates[$0])] }, value(at: node))
    }
  }

  private func node(of ids: some Sequence<Int32>) -> Int? {
    var node = Self.root
    for id in ids {
      guard let candidate = space.candidate(of: id) else { return nil }
      let child = children(of: node).firstByHalving { candidates[$0] >= Int32(candidate) }
      guard let child, Int(candidates[child]) == candidate else { return nil }
      node = child
    }
    return node
  }

  /// The value that ends at a node.
  func value(at node: Int) -> Int? {
    stretches(of: node).first { ways[$0] == Self.end }.map { format.indices.lowerBound + Int(lows[$0]) }
  }
}

extension Range<Int> {
  /// The first of which something holds that holds of all after it, by halving; nil if it holds of none.
  func firstByHalving(_ holds: (Int) -> Bool) -> Int? {
    var (low, high) = (lowerBound, upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low < upperBound ? low : nil
  }
}
