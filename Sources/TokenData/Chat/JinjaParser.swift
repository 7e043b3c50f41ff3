// SPDX-License-Identifier: Apache-2.0
/// Makes nodes of a template's pieces, and leaves out branches that a plain conversation does not take.
struct JinjaParser {
  private let segments: [JinjaSegment]
  private var position = 0

  init(_ segments: [JinjaSegment]) { self.segments = segments }

  /// Nil for statements that no known template has (macros, filters, blocks) or nesting deeper than any template's.
  mutating func parse() -> [JinjaNode]? {
    guard let (nodes, end) = block(depth: 0), end.isEmpty else { return nil }
    return nodes
  }

  /// Nodes up to a statement that ends or divides the block it stands in, and that statement.
  private mutating func block(depth: Int) -> ([JinjaNode], end: [JinjaToken])? {
    guard depth < 32 else { return nil }
    var nodes = [JinjaNode]()
    while position < segments.count {
      let segment = segments[position]
      position += 1
      switch segment {
      case .text(let text): nodes.add(.text(text))
      case .output(let tokens): for node in Self.parts(tokens.normalized) { nodes.add(node) }
      case .statement(let raw):
        let tokens = raw.normalized
        switch tokens.first {
        // Marks for trainers: they write nothing.
        case .name("generation"), .name("endgeneration"): continue
        case .name("set"):
          guard tokens.count > 3, case .name(let name) = tokens[1], tokens[2] == .other("=") else { return nil }
          nodes.add(.set(name, Array(tokens[3...])))
        case .name("for"):
          guard let (body, end) = block(depth: depth + 1), end == [.name("endfor")] else { return nil }
          nodes.add(.loop(Array(tokens.dropFirst()), body))
        case .name("if"):
          guard let found = choice(tokens, depth: depth + 1) else { return nil }
          for node in found { nodes.add(node) }
        case .name("elif"), .name("else"), .name("endif"), .name("endfor"):
          return (nodes, tokens)
        default: return nil
        }
      }
    }
    return (nodes, [])
  }

  /// The branches of an `if` whose first statement has been read; the nodes of one alone where that is always taken.
  private mutating func choice(_ first: [JinjaToken], depth: Int) -> [JinjaNode]? {
    var statement = first, branches = [JinjaNode.Branch]()
    while true {
      let isElse = statement == [.name("else")]
      let test = isElse ? nil : JinjaTest(statement.dropFirst())
      guard isElse || test != nil, let (body, end) = block(depth: depth) else { return nil }
      if branches.last.map({ $0.test != nil }) ?? true, test != .known(false) {
        branches.append(JinjaNode.Branch(test: test == .known(true) ? nil : test, body: body))
      }
      statement = end
      if end == [.name("endif")] { break }
      guard !isElse, end.first == .name("elif") || end == [.name("else")] else { return nil }
    }
    // Where the last test decides nothing, it is none.
    while branches.count > 1, branches[branches.count - 1].test == nil,
      branches[branches.count - 2].body == branches[branches.count - 1].body
    {
      branches.remove(at: branches.count - 2)
    }
    if branches.first.map({ $0.test == nil }) ?? false { return branches[0].body }
    return branches.isEmpty ? [] : [.choice(branches)]
  }

  /// `a + 'b' + c` as what it writes one after another.
  private static func parts(_ tokens: [JinjaToken]) -> [JinjaNode] {
    func node(_ part: some Collection<JinjaToken>) -> JinjaNode {
      if part.count == 1, case .string(let text)? = part.first { return .text(text) }
      return .value(Array(part))
    }
    // In an expression with other operators, + may not be what is done last.
    let others =
      ["if", "else", "or", "and", "not", "in", "is"].map { JinjaToken.name($0) }
      + ["-", "*", "/", "//", "**", "%", "==", "!=", "<", ">", "<=", ">="].map { JinjaToken.other($0) }
    var depth = 0
    let isPlain = tokens.allSatisfy { token in
      depth += token.nesting
      return depth > 0 || !others.contains(token)
    }
    guard isPlain, let parts = tokens[...].cut(at: .other("+"), .other("~")), !parts.contains(where: \.isEmpty) else {
      return [node(tokens)]
    }
    return parts.map(node)
  }
}

extension [JinjaToken] {
  /// `a.b` as `a['b']`, and literals that are added to each other as one.
  fileprivate var normalized: [JinjaToken] {
    var result = [JinjaToken](), index = 0
    while index < count {
      if self[index] == .other("."), index + 1 < count, case .name(let name) = self[index + 1],
        index + 2 == count || self[index + 2] != .other("(")
      {
        result += [.other("["), .string(name), .other("]")]
        index += 2
      } else {
        result.append(self[index])
        index += 1
      }
    }
    return result.joiningLiterals
  }

  private var joiningLiterals: [JinjaToken] {
    var result = [JinjaToken]()
    for (index, token) in enumerated() {
      let next = index + 1 < count ? self[index + 1] : nil
      let isFree = [nil, .other("+"), .other(")"), .other(",")].contains(next)
      if case .string(let second) = token, isFree, result.last == .other("+"), result.count > 1,
        case .string(let first) = result[result.count - 2],
        result.count == 2 || [.other("="), .other("("), .other("+"), .other(",")].contains(result[result.count - 3])
      {
        result.removeLast(2)
        result.append(.string(first + second))
      } else {
        result.append(token)
      }
    }
    return result
  }
}
