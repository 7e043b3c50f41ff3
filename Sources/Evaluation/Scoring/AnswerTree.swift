// SPDX-License-Identifier: Apache-2.0
/// The part of an ``AnswerSpace`` that has been looked at, shared by all prompts.
final class AnswerTree {
  struct Node {
    /// Last token of the path; meaningless at the root.
    let token: Int32
    let parent: Int
    /// Tokens of the path.
    let depth: Int
    /// Set where the path is an answer.
    let value: Double?
    var children: Range<Int>?
  }

  /// Node 0 is the root.
  private(set) var nodes: [Node]
  private let space: AnswerSpace
  private var tokens: [[Int32]]  // what may follow each node

  init(_ space: AnswerSpace) {
    self.space = space
    (nodes, tokens) = ([], [])
    add([], token: -1, parent: -1)
  }

  /// The nodes after a node, in the order of the space.
  func children(of node: Int) -> Range<Int> {
    if let known = nodes[node].children { return known }
    let path = path(to: node), first = nodes.count
    for token in tokens[node] { add(path + [token], token: token, parent: node) }
    nodes[node].children = first..<nodes.count
    return first..<nodes.count
  }

  /// Nodes that are no answers on the level below `open`.
  func opened(below open: [Int]) -> [Int] { open.flatMap(children(of:)).filter { nodes[$0].value == nil } }

  /// Tokens that reading the space takes if each level is cut to `width`; levels below the first cut or below `depth`
  /// are not counted.
  func tokensToRead(width: Int, depth: Int) -> Int {
    var level = opened(below: [0]), sum = 0
    while let first = level.first, nodes[first].depth <= depth {
      sum += min(level.count, width)
      if level.count > width { break }
      level = opened(below: level)
    }
    return sum
  }

  private func add(_ path: [Int32], token: Int32, parent: Int) {
    let depth = path.count
    switch space.after(path) {
    case .tokens(let next):
      nodes.append(Node(token: token, parent: parent, depth: depth, value: nil))
      tokens.append(next)
    case .value(let value):
      nodes.append(Node(token: token, parent: parent, depth: depth, value: value))
      tokens.append([])
    }
  }

  private func path(to node: Int) -> [Int32] {
    var path = [Int32](), node = node
    while node > 0 {
      path.append(nodes[node].token)
      node = nodes[node].parent
    }
    return path.reversed()
  }
}
