// SPDX-License-Identifier: Apache-2.0
/// Makes statements of tokens, by Jinja's grammar with the tags that transformers knows.
struct Parser {
  /// Brackets, blocks and signs that may be open at once.
  static let deepest = 64

  private let tokens: [(token: Token, line: Int)]
  var position = 0
  var depth = 0
  /// Names that were read since the macro began.
  var reads: Set<String> = []
  private(set) var names: [String: Int] = [:]
  /// Whether a loop is around, which `break` and `continue` need.
  private var isInLoop = false

  /// - Throws: with the line, for a text that is no template.
  init(_ source: [UInt8]) throws(Fault) { tokens = try Lexer.tokens(source) }

  var token: Token { tokens[min(position, tokens.count - 1)].token }
  var line: Int { tokens[min(position, tokens.count - 1)].line }
  var next: Token { tokens[min(position + 1, tokens.count - 1)].token }

  mutating func template() throws(Fault) -> [Node] {
    let nodes = try body([])
    guard token == .end else { throw unexpected("the end of the template") }
    return nodes
  }

  // MARK: Tokens

  func unexpected(_ expected: String) -> Fault {
    Fault(expected: expected, found: token == .end ? token.words : "\"\(token.words)\"", line: line)
  }

  var tooDeep: Fault {
    Fault(expected: "at most \(Self.deepest) brackets and blocks inside one another", found: "more", line: line)
  }

  /// Counts a level of nesting; its end is the caller's.
  mutating func enter() throws(Fault) {
    depth += 1
    guard depth <= Self.deepest else { throw tooDeep }
  }

  mutating func expect(_ expected: Token) throws(Fault) {
    guard token == expected else { throw unexpected("\"\(expected.words)\"") }
    position += 1
  }

  mutating func skip(name: String) -> Bool {
    guard token == .name(name) else { return false }
    position += 1
    return true
  }

  mutating func name() throws(Fault) -> String {
    guard case .name(let name) = token else { throw unexpected("a name") }
    position += 1
    return name
  }

  mutating func id(_ name: String) -> Int {
    if let id = names[name] { return id }
    names[name] = names.count
    return names.count - 1
  }

  // MARK: Statements

  /// Statements up to a block that begins with one of `ends`, whose name is next then.
  private mutating func body(_ ends: [String]) throws(Fault) -> [Node] {
    try enter()
    defer { depth -= 1 }
    var nodes: [Node] = []
    while true {
      switch token {
      case .data(let bytes):
        position += 1
        nodes.append(.text(Text(bytes: bytes)))
      case .beginVariable:
        position += 1
        let line = line
        nodes.append(.output(try tuple(), line: line))
        try expect(.endVariable)
      case .beginBlock:
        position += 1
        if case .name(let name) = token, ends.contains(name) { return nodes }
        nodes += try statement()
        try expect(.endBlock)
      default:
        if let end = ends.last { throw unexpected("{% \(end) %}") }
        return nodes
      }
    }
  }

  /// The rest of an opening tag, and statements up to a closing one, whose name is read.
  private mutating func block(_ ends: String...) throws(Fault) -> (nodes: [Node], end: String) {
    if token == .sign(":") { position += 1 }
    try expect(.endBlock)
    let nodes = try body(ends)
    return (nodes, try name())
  }

  private mutating func statement() throws(Fault) -> [Node] {
    let line = line
    guard case .name(let tag) = token else { throw unexpected("a statement") }
    position += 1
    switch tag {
    case "set": return [try set(line)]
    case "if": return [try choice(line)]
    case "for": return [.loop(try loop(line))]
    case "with":
      var values: [(target: Target, value: Expression)] = []
      while token != .endBlock {
        if !values.isEmpty { try expect(.sign(",")) }
        let target = try target()
        try expect(.sign("="))
        values.append((target, try expression()))
      }
      return [.with(values, try block("endwith").nodes, line: line)]
    case "macro":
      let name = try name(), id = id(name)
      return [.macro(try macro(name, id, try parameters(), "endmacro"))]
    case "call":
      let parameters = token == .sign("(") ? try parameters() : []
      let call = try expression()
      guard case .chain(_, let parts) = call, case .call? = parts.last else { throw unexpected("a call") }
      return [.call(try macro("caller", -1, parameters, "endcall"), call, line: line)]
    case "filter":
      var filters = [try filter()]
      while token == .sign("|") {
        position += 1
        filters.append(try filter())
      }
      return [.filter(filters, try block("endfilter").nodes, line: line)]
    case "generation":
      return [.generation(try outsideLoop { parser throws(Fault) in try parser.block("endgeneration").nodes })]
    case "print":
      var nodes: [Node] = []
      while token != .endBlock {
        if !nodes.isEmpty { try expect(.sign(",")) }
        nodes.append(.output(try expression(), line: line))
      }
      return nodes
    case "break", "continue":
      guard isInLoop else { throw Fault(expected: "a loop around {% \(tag) %}", found: "none", line: line) }
      return [tag == "break" ? .stop : .skip]
    case "include", "import", "from", "extends", "block", "autoescape":
      throw Fault(expected: "a template that is whole in itself", found: "{% \(tag) %}", line: line)
    default: throw Fault(expected: "a statement of Jinja", found: "{% \(tag) %}", line: line)
    }
  }

  /// What is a function of its own, out of which nothing breaks.
  private mutating func outsideLoop<T>(_ parse: (inout Parser) throws(Fault) -> T) throws(Fault) -> T {
    let outer = isInLoop
    isInLoop = false
    let result = try parse(&self)
    isInLoop = outer
    return result
  }

  private mutating func set(_ line: Int) throws(Fault) -> Node {
    let target = try target(attributes: true)
    if token == .sign("=") {
      position += 1
      return .set(target, try tuple(), line: line)
    }
    var filters: [Postfix] = []
    while token == .sign("|") {
      position += 1
      filters.append(try filter())
    }
    return .setBlock(target, filters: filters, try block("endset").nodes, line: line)
  }

  private mutating func choice(_ line: Int) throws(Fault) -> Node {
    var branches: [Node.Branch] = [], line = line
    while true {
      let test = try tuple(choices: false)
      let (body, end) = try block("elif", "else", "endif")
      branches.append(Node.Branch(test: test, body: body, line: line))
      if end == "endif" { return .choice(branches, otherwise: []) }
      if end == "else" { return .choice(branches, otherwise: try block("endif").nodes) }
      line = self.line
    }
  }

  private mutating func loop(_ line: Int) throws(Fault) -> LoopNode {
    let target = try target()
    guard skip(name: "in") else { throw unexpected("\"in\"") }
    let values = try tuple(choices: false)
    let test = skip(name: "if") ? try expression() : nil, isRecursive = skip(name: "recursive")
    let outer = isInLoop
    isInLoop = true
    let (body, end) = try block("else", "endfor")
    isInLoop = outer
    let otherwise = end == "else" ? try block("endfor").nodes : []
    return LoopNode(
      target, values, test: test, isRecursive: isRecursive, body: body, otherwise: otherwise, line: line)
  }

  private mutating func macro(
    _ name: String, _ id: Int, _ parameters: [(name: String, id: Int, standard: Expression?)], _ end: String
  ) throws(Fault) -> MacroNode {
    let outer = reads
    reads = []
    for special in ["caller", "varargs", "kwargs"] { _ = self.id(special) }
    let body = try outsideLoop { parser throws(Fault) in try parser.block(end).nodes }
    let macro = MacroNode(name, id, parameters, body, reads: reads)
    reads.formUnion(outer)
    return macro
  }
}
