// SPDX-License-Identifier: Apache-2.0
// Expressions, by Jinja's grammar.
extension Parser {
  /// `a if b else c` and all that binds closer.
  mutating func expression(choices: Bool = true) throws(Fault) -> Expression {
    try enter()
    defer { depth -= 1 }
    var value = try operation(0)
    var count = 0
    while choices, skip(name: "if") {
      count += 1
      guard count <= Self.deepest else { throw tooDeep }
      let test = try operation(0)
      value = .choice(test: test, value, otherwise: skip(name: "else") ? try expression() : nil)
    }
    return value
  }

  private static let ranks: [[String]] = [
    ["or"], ["and"], ["not"], ["==", "!=", "<", "<=", ">", ">="], ["+", "-"], ["~"], ["*", "/", "//", "%"], ["**"],
  ]

  /// Operators of a rank and those that bind closer.
  private mutating func operation(_ rank: Int) throws(Fault) -> Expression {
    guard rank < Self.ranks.count else { return try unary() }
    if rank == 2 {
      var isNegated = false, isNot = false
      while skip(name: "not") { (isNegated, isNot) = (!isNegated, true) }
      let value = try operation(3)
      // Two of them still make a truth value of anything.
      return !isNot ? value : isNegated ? .not(value) : .not(.not(value))
    }
    let first = try operation(rank + 1)
    var rest: [(sign: String, value: Expression)] = []
    while let sign = operatorSign(rank) { rest.append((sign, try operation(rank + 1))) }
    if rest.isEmpty { return first }
    switch rank {
    case 0: return .or([first] + rest.map(\.value))
    case 1: return .and([first] + rest.map(\.value))
    case 3: return .compare(first, rest)
    case 5: return .concat([first] + rest.map(\.value))
    default: return .arithmetic(first, rest)
    }
  }

  /// Reads an operator of the rank, if one stands here.
  private mutating func operatorSign(_ rank: Int) -> String? {
    switch token {
    case .sign(let sign) where Self.ranks[rank].contains(sign):
      position += 1
      return sign
    case .name(let name) where rank < 2 && Self.ranks[rank].contains(name):
      position += 1
      return name
    case .name("in") where rank == 3:
      position += 1
      return "in"
    case .name("not") where rank == 3 && next == .name("in"):
      position += 2
      return "not in"
    default: return nil
    }
  }

  private mutating func unary(filters: Bool = true) throws(Fault) -> Expression {
    guard token == .sign("-") || token == .sign("+") else {
      return try postfix(try primary(), filters: filters)
    }
    try enter()
    defer { depth -= 1 }
    let isMinus = token == .sign("-")
    position += 1
    return try postfix(.sign(isMinus: isMinus, try unary(filters: false)), filters: filters)
  }

  mutating func primary() throws(Fault) -> Expression {
    switch token {
    case .name(let name):
      position += 1
      switch name {
      case "true", "True": return .literal(.bool(true))
      case "false", "False": return .literal(.bool(false))
      case "none", "None": return .literal(.none)
      default:
        reads.insert(name)
        return .name(id(name), name)
      }
    case .string(let first):
      var bytes = first
      position += 1
      while case .string(let more) = token {
        bytes += more
        position += 1
      }
      return .literal(.string(Text(bytes: bytes)))
    case .int(let value):
      position += 1
      return .literal(.int(value))
    case .double(let value):
      position += 1
      return .literal(.double(value))
    case .sign("("):
      position += 1
      let value = try tuple(isBracketed: true)
      try expect(.sign(")"))
      return value
    case .sign("["):
      position += 1
      var values: [Expression] = []
      while token != .sign("]") {
        if !values.isEmpty { try expect(.sign(",")) }
        if token == .sign("]") { break }
        values.append(try expression())
      }
      position += 1
      return .list(values)
    case .sign("{"):
      position += 1
      var members: [(key: Expression, value: Expression)] = []
      while token != .sign("}") {
        if !members.isEmpty { try expect(.sign(",")) }
        if token == .sign("}") { break }
        let key = try expression()
        try expect(.sign(":"))
        members.append((key, try expression()))
      }
      position += 1
      return .dict(members)
    default: throw unexpected("an expression")
    }
  }

  /// One expression, or several with commas between, which make a tuple.
  mutating func tuple(isBracketed: Bool = false, choices: Bool = true) throws(Fault) -> Expression {
    var values: [Expression] = [], isTuple = false
    while true {
      if !values.isEmpty { try expect(.sign(",")) }
      if token == .endVariable || token == .endBlock || token == .sign(")") || token == .name("recursive") { break }
      values.append(try expression(choices: choices))
      guard token == .sign(",") else { break }
      isTuple = true
    }
    if isTuple || isBracketed && values.isEmpty { return .tuple(values) }
    guard let value = values.first else { throw unexpected("an expression") }
    return value
  }
}
