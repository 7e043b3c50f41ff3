// SPDX-License-Identifier: Apache-2.0
extension NumberTrie {
  /// Writes every value of a format.
  ///
  /// - Parameters:
  ///   - space: the tokens that numbers may be written with (``TokenSpace/pieces(of:name:)``).
  ///   - blank: the token that is a space and nothing else.
  ///   - progress: is told now and then how many values of how many are written.
  ///   - tokens: the tokenizer's tokens of a number's text, where it stands; nil where they are not the number's alone.
  /// - Throws: `TokenSpaceError` for more than ``largest`` values, for tokens that are no candidates, and for two values
  ///   with the same tokens.
  public init(
    _ format: ValueFormat, over space: TokenSpace, blank: Int32? = nil, progress: (Int, Int) -> Void = { _, _ in },
    tokens: (String) -> [Int32]?
  ) throws(TokenSpaceError) {
    guard format.count <= Self.largest else { throw .tooMany(format, space) }
    var draft = Draft()
    for (offset, index) in format.indices.enumerated() {
      if offset.isMultiple(of: 1 << 14) { progress(offset, format.count) }
      let text = format.text(index)
      guard let ids = tokens(text), !ids.isEmpty else {
        throw .unwritable(space, "the tokenizer writes \(text) together with what stands before it")
      }
      var path = [Int32]()
      for id in ids {
        guard let candidate = space.candidate(of: id) else {
          throw .unwritable(space, "the tokenizer writes \(text) with a token that is no part of numbers (id \(id))")
        }
        path.append(Int32(candidate))
      }
      guard draft.add(Int32(offset), path) else {
        throw .unwritable(space, "the tokenizer writes \(text) as it writes another number")
      }
    }
    progress(format.count, format.count)
    self = draft.trie(format, space, blank)
  }

  private init(
    _ format: ValueFormat, _ space: TokenSpace, _ blank: Int32?, candidates: [Int32], firstChild: [Int32],
    firstStretch: [Int32],
    lows: [Int32], highs: [Int32], ways: [Int32]
  ) {
    (self.format, self.space, self.blank) = (format, space, blank)
    (self.candidates, self.firstChild) = (candidates, firstChild)
    (self.firstStretch, self.lows, self.highs, self.ways) = (firstStretch, lows, highs, ways)
  }

  /// A trie that grows: values come in ascending order, so that each either lengthens its node's last stretch or begins
  /// one.
  private struct Draft {
    private struct Stretch {
      var low, high, way: Int32
      /// The one after it of the same node; -1 for none.
      var next: Int32
    }

    private var candidates: [Int32] = [-1]
    private var stretches = [Stretch]()
    private var first: [Int32] = [-1], last: [Int32] = [-1]  // stretches of each node
    private var known = [UInt64: Int32]()  // children by node and candidate
    private var path = [Int32](), nodes = [Int32]()  // of the value before

    /// - Returns: false if a value with these tokens is there already.
    mutating func add(_ value: Int32, _ new: [Int32]) -> Bool {
      var node: Int32 = 0, nodes = [Int32](), isShared = true
      for (depth, candidate) in new.enumerated() {
        isShared = isShared && depth < path.count && path[depth] == candidate
        let child = isShared ? self.nodes[depth] : self.child(of: node, by: candidate)
        extend(node, value, child)
        nodes.append(child)
        node = child
      }
      (path, self.nodes) = (new, nodes)
      return extend(node, value, NumberTrie.end)
    }

    private mutating func child(of node: Int32, by candidate: Int32) -> Int32 {
      let key = UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: candidate))
      if let child = known[key] { return child }
      let child = Int32(candidates.count)
      known[key] = child
      candidates.append(candidate)
      first.append(-1)
      last.append(-1)
      return child
    }

    @discardableResult private mutating func extend(_ node: Int32, _ value: Int32, _ way: Int32) -> Bool {
      let before = Int(last[Int(node)])
      if before >= 0, stretches[before].way == way, way != NumberTrie.end, stretches[before].high == value - 1 {
        stretches[before].high = value
        return true
      }
      if way == NumberTrie.end, hasEnd(node) { return false }
      let new = Int32(stretches.count)
      stretches.append(Stretch(low: value, high: value, way: way, next: -1))
      if before >= 0 { stretches[before].next = new } else { first[Int(node)] = new }
      last[Int(node)] = new
      return true
    }

    private func hasEnd(_ node: Int32) -> Bool {
      sequence(first: first[Int(node)]) { stretches[Int($0)].next }.prefix { $0 >= 0 }
        .contains { stretches[Int($0)].way == NumberTrie.end }
    }

    /// Level by level, so that the children of a node stand side by side.
    func trie(_ format: ValueFormat, _ space: TokenSpace, _ blank: Int32?) -> NumberTrie {
      var order: [Int32] = [0], firstChild: [Int32] = [], firstStretch: [Int32] = []
      var lows = [Int32](), highs = [Int32](), ways = [Int32](), at = 0
      lows.reserveCapacity(stretches.count)
      highs.reserveCapacity(stretches.count)
      ways.reserveCapacity(stretches.count)
      while at < order.count {
        let head = Int(first[Int(order[at])])
        // Most nodes are whole numbers and nothing else.
        if stretches[head].way == NumberTrie.end, stretches[head].next < 0 {
          firstChild.append(Int32(order.count))
          firstStretch.append(Int32(lows.count))
          lows.append(stretches[head].low)
          highs.append(stretches[head].high)
          ways.append(NumberTrie.end)
          at += 1
          continue
        }
        let own = sequence(first: first[Int(order[at])]) { stretches[Int($0)].next }.prefix { $0 >= 0 }
          .map { stretches[Int($0)] }
        let children = Set(own.map(\.way)).filter { $0 != NumberTrie.end }
          .sorted { candidates[Int($0)] < candidates[Int($1)] }
        let begin = order.count
        firstChild.append(Int32(begin))
        firstStretch.append(Int32(lows.count))
        order += children
        let places = Dictionary(uniqueKeysWithValues: zip(children, begin...))
        for stretch in own {
          lows.append(stretch.low)
          highs.append(stretch.high)
          ways.append(places[stretch.way].map(Int32.init) ?? NumberTrie.end)
        }
        at += 1
      }
      return NumberTrie(
        format, space, blank, candidates: order.map { candidates[Int($0)] },
        firstChild: firstChild + [Int32(order.count)],
        firstStretch: firstStretch + [Int32(lows.count)], lows: lows, highs: highs, ways: ways)
    }
  }
}

extension TokenSpaceError {
  fileprivate static func tooMany(_ format: ValueFormat, _ space: TokenSpace) -> TokenSpaceError {
    let (low, high) = (format.text(format.indices.lowerBound), format.text(format.indices.upperBound))
    return TokenSpaceError(
      space: space.name,
      problem: "targets over the \(format.count) numbers from \(low) to \(high), where tokens hold several digits and "
        + "each number is written out once, \(NumberTrie.largest) at most",
      remedy: "Take tokens: digits, which has no such limit, a smaller range or fewer decimals in values.")
  }

  fileprivate static func unwritable(_ space: TokenSpace, _ problem: String) -> TokenSpaceError {
    TokenSpaceError(space: space.name, problem: problem, remedy: "Take tokens: digits.")
  }
}
