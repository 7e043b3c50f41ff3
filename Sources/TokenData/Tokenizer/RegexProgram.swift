// SPDX-License-Identifier: Apache-2.0
/// A regular expression compiled for `RegexMatcher`, a backtracking matcher that cannot run away.
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
