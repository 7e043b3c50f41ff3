/// A regular expression compiled for a backtracking matcher that cannot run away.
///
/// Whatever could be tried twice at one place is tried once: after `patience` steps the matcher remembers the states that
/// led nowhere, so a search ends after at most states × length steps.
struct RegexProgram: Sendable {
  /// One step; `next` is the instruction after it unless said otherwise.
  enum Instruction: Sendable {
    /// One scalar of set `index`.
    case set(Int)
    /// Between `min` and `max` scalars of set `index`.
    case run(Int, min: Int, max: Int, RegexNode.Greed)
    /// Try `first`, and if that fails `second`.
    case fork(first: Int, second: Int)
    case jump(Int)
    /// The instructions up to `end` match here (or not, if negated); takes nothing.
    case look(end: Int, negated: Bool)
    /// The instructions up to `end` match here, in the first way they can.
    case atomic(end: Int)
    case anchor(RegexNode.Anchor)
    case accept
  }

  private(set) var code: [Instruction] = []
  private(set) var sets: [ScalarSet] = []
  static let patience = 20_000
  private static let limit = 20_000

  /// - Throws: `RegexParser.Failure` with what is not supported.
  init(_ pattern: String) throws(RegexParser.Failure) {
    try emit(try RegexParser.parse(pattern))
    code.append(.accept)
    let classes = UnicodeClasses.shared
    for index in sets.indices { sets[index].prepare(classes) }
  }

  private mutating func emit(_ node: RegexNode) throws(RegexParser.Failure) {
    guard code.count < Self.limit else { throw RegexParser.Failure(reason: "more than \(Self.limit) steps") }
    switch node {
    case .set(let set):
      sets.append(set)
      code.append(.set(sets.count - 1))
    case .sequence(let nodes):
      for node in nodes { try emit(node) }
    case .choice(let nodes):
      var jumps: [Int] = []
      for node in nodes.dropLast() {
        let fork = placeholder()
        try emit(node)
        jumps.append(placeholder())
        code[fork] = .fork(first: fork + 1, second: code.count)
      }
      try emit(nodes.last!)
      for jump in jumps { code[jump] = .jump(code.count) }
    case .repeated(.set(let set), let min, let max, let greed):
      sets.append(set)
      code.append(.run(sets.count - 1, min: min, max: max ?? .max, greed))
    case .repeated(let inner, let min, let max, .possessive):
      try emit(.atomic(.repeated(inner, min: min, max: max, .greedy)))
    case .repeated(let inner, let min, let max, let greed):
      try emitLoop(inner, min: min, max: max, isLazy: greed == .lazy)
    case .look(let inner, let negated):
      let look = placeholder()
      try emit(inner)
      code.append(.accept)
      code[look] = .look(end: code.count, negated: negated)
    case .atomic(let inner):
      let atomic = placeholder()
      try emit(inner)
      code.append(.accept)
      code[atomic] = .atomic(end: code.count)
    case .anchor(let anchor): code.append(.anchor(anchor))
    }
  }

  private mutating func emitLoop(_ inner: RegexNode, min: Int, max: Int?, isLazy: Bool) throws(RegexParser.Failure) {
    func fork(_ enter: Int, _ leave: Int) -> Instruction {
      isLazy ? .fork(first: leave, second: enter) : .fork(first: enter, second: leave)
    }
    for _ in 0..<min { try emit(inner) }
    if let max {
      var forks: [Int] = []
      for _ in min..<max {
        forks.append(placeholder())
        try emit(inner)
      }
      for index in forks { code[index] = fork(index + 1, code.count) }
    } else {
      let start = placeholder()
      try emit(inner)
      code.append(.jump(start))
      code[start] = fork(start + 1, code.count)
    }
  }

  private mutating func placeholder() -> Int {
    code.append(.accept)
    return code.count - 1
  }
}

extension RegexProgram {
  /// The leftmost match in `range` that begins at `start` or later; `range` is all the expression can see.
  func firstMatch(in bytes: UTF8Bytes, _ range: Range<Int>, from start: Int) -> Range<Int>? {
    var matcher = RegexMatcher(program: self, bytes: bytes, range: range)
    var position = start
    while true {
      if let end = matcher.match(from: 0, at: position) { return position..<end }
      if position >= range.upperBound { return nil }
      position += bytes.scalar(at: position).length
    }
  }
}

/// One search. The stack holds what is still to be tried.
private struct RegexMatcher {
  let program: RegexProgram
  let bytes: UTF8Bytes
  let range: Range<Int>
  let classes = UnicodeClasses.shared
  private var stack: [Pending] = []
  private var steps = 0
  private var dead: Set<Int> = []

  private struct Pending {
    var instruction: Int
    var position: Int
    /// Other places, from `position` on towards this one, where the same instruction is to be tried.
    var last: Int
  }

  init(program: RegexProgram, bytes: UTF8Bytes, range: Range<Int>) {
    self.program = program
    self.bytes = bytes
    self.range = range
  }

  /// The end of the match of the instructions from `first` to their `accept`, or nil.
  mutating func match(from first: Int, at start: Int) -> Int? {
    let base = stack.count
    defer { stack.removeLast(stack.count - base) }
    var instruction = first
    var position = start
    while true {
      if let next = step(instruction, &position) {
        if next < 0 { return position }
        instruction = next
      } else {
        guard let (next, place) = backtrack(to: base) else { return nil }
        (instruction, position) = (next, place)
      }
    }
  }

  /// Takes the newest alternative that has not failed before.
  private mutating func backtrack(to base: Int) -> (Int, Int)? {
    while stack.count > base {
      let pending = stack[stack.count - 1]
      if pending.position == pending.last {
        stack.removeLast()
      } else if pending.last < pending.position {
        stack[stack.count - 1].position = bytes.scalarStart(before: pending.position)
      } else {
        stack[stack.count - 1].position += bytes.scalar(at: pending.position).length
      }
      steps += 1
      if steps > RegexProgram.patience {
        let state = pending.instruction * (range.count + 1) + pending.position - range.lowerBound
        guard dead.insert(state).inserted else { continue }
      }
      return (pending.instruction, pending.position)
    }
    return nil
  }

  /// The next instruction, −1 at `accept`, nil if the step fails.
  private mutating func step(_ index: Int, _ position: inout Int) -> Int? {
    switch program.code[index] {
    case .accept: return -1
    case .jump(let target): return target
    case .set(let set):
      guard position < range.upperBound else { return nil }
      let (value, length) = bytes.scalar(at: position)
      guard program.sets[set].contains(value, classes) else { return nil }
      position += length
    case .run(let set, let min, let max, let greed): return run(index, set, min, max, greed, &position)
    case .fork(let first, let second):
      stack.append(Pending(instruction: second, position: position, last: position))
      return first
    case .look(let end, let negated):
      return (match(from: index + 1, at: position) == nil) == negated ? end : nil
    case .atomic(let end):
      guard let place = match(from: index + 1, at: position) else { return nil }
      position = place
      return end
    case .anchor(let anchor): guard holds(anchor, at: position) else { return nil }
    }
    return index + 1
  }

  private mutating func run(
    _ index: Int, _ set: Int, _ min: Int, _ max: Int, _ greed: RegexNode.Greed, _ position: inout Int
  ) -> Int? {
    var count = 0
    var place = position
    var least = min == 0 ? position : -1  // where the run is long enough to go on
    while count < max, place < range.upperBound {
      let (value, length) = bytes.scalar(at: place)
      guard program.sets[set].contains(value, classes) else { break }
      place += length
      count += 1
      if count == min { least = place }
    }
    guard count >= min else { return nil }
    if greed != .possessive, least < place {
      let isGreedy = greed == .greedy
      stack.append(
        Pending(
          instruction: index + 1,
          position: isGreedy ? bytes.scalarStart(before: place) : least + bytes.scalar(at: least).length,
          last: isGreedy ? least : place))
    }
    position = greed == .lazy ? least : place
    return index + 1
  }

  private func holds(_ anchor: RegexNode.Anchor, at position: Int) -> Bool {
    let isStart = position == range.lowerBound
    let isEnd = position == range.upperBound
    func isWord(_ place: Int) -> Bool { classes[bytes.scalar(at: place).value].isWord }
    switch anchor {
    case .textStart: return isStart
    case .textEnd: return isEnd
    case .lineStart: return isStart || !isEnd && bytes[position - 1] == 10
    case .lineEnd: return isEnd || bytes[position] == 10
    case .wordBoundary, .notWordBoundary:
      let before = !isStart && isWord(bytes.scalarStart(before: position))
      let after = !isEnd && isWord(position)
      return (before != after) == (anchor == .wordBoundary)
    }
  }
}
