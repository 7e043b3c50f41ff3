// SPDX-License-Identifier: Apache-2.0
// What follows a value in an expression.
extension Parser {
  mutating func postfix(_ value: Expression, filters: Bool) throws(Fault) -> Expression {
    var parts = try postfixes()
    while filters {
      if token == .sign("|") {
        position += 1
        parts.append(try filter())
      } else if token == .name("is") {
        position += 1
        parts.append(try test())
      } else if token == .sign("(") {
        parts.append(.call(try call(), line: line))
      } else {
        break
      }
    }
    return parts.isEmpty ? value : .chain(value, parts)
  }

  private mutating func postfixes() throws(Fault) -> [Postfix] {
    var parts: [Postfix] = []
    while true {
      switch token {
      case .sign("."):
        position += 1
        if case .name(let name) = token {
          parts.append(.attribute(Text(name)))
        } else if case .int(let index) = token {
          parts.append(.item(.literal(.int(index))))
        } else {
          throw unexpected("a name or a number after the point")
        }
        position += 1
      case .sign("["):
        position += 1
        parts.append(try subscription())
        try expect(.sign("]"))
      case .sign("("): parts.append(.call(try call(), line: line))
      default: return parts
      }
    }
  }

  private mutating func subscription() throws(Fault) -> Postfix {
    var parts: [Expression?] = [nil], isSlice = false
    var values: [Expression] = []
    while token != .sign("]") {
      if token == .sign(":"), values.isEmpty {
        guard parts.count < 3 else { throw unexpected("\"]\"") }
        position += 1
        parts.append(nil)
        isSlice = true
      } else if token == .sign(","), !isSlice, let value = parts[0] {
        position += 1
        values.append(value)
        parts = [nil]
      } else {
        guard parts[parts.count - 1] == nil else { throw unexpected("\"]\"") }
        parts[parts.count - 1] = try expression()
      }
    }
    if isSlice { return .slice(parts[0], parts[1], parts.count > 2 ? parts[2] : nil) }
    if let value = parts[0] { values.append(value) }
    if values.isEmpty { throw unexpected("an index") }
    return .item(values.count == 1 ? values[0] : .tuple(values))
  }

  /// A filter's name and arguments, after its bar.
  mutating func filter() throws(Fault) -> Postfix {
    let line = line, name = try dottedName()
    return .filter(name, token == .sign("(") ? try call() : Call(), line: line)
  }

  private mutating func dottedName() throws(Fault) -> String {
    var name = try self.name()
    while token == .sign(".") {
      position += 1
      name += "." + (try self.name())
    }
    return name
  }

  private mutating func test() throws(Fault) -> Postfix {
    let line = line, isNegated = skip(name: "not"), name = try dottedName()
    var arguments = Call()
    switch token {
    case .sign("("): arguments = try call()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw unexpected("one test")
    case .name, .string, .int, .double, .sign("["), .sign("{"):
      try enter()
      defer { depth -= 1 }
      let value = try primary(), parts = try postfixes()
      arguments.positional = [parts.isEmpty ? value : .chain(value, parts)]
    default: break
    }
    return .test(name, arguments, isNegated: isNegated, line: line)
  }

  mutating func call() throws(Fault) -> Call {
    var call = Call(), isFirst = true
    try expect(.sign("("))
    while token != .sign(")") {
      if !isFirst {
        try expect(.sign(","))
        if token == .sign(")") { break }
      }
      isFirst = false
      if token == .sign("*") {
        guard call.list == nil, call.dict == nil else { throw unexpected("one list of arguments") }
        position += 1
        call.list = try expression()
      } else if token == .sign("**") {
        guard call.dict == nil else { throw unexpected("one dictionary of arguments") }
        position += 1
        call.dict = try expression()
      } else if case .name(let name) = token, next == .sign("=") {
        guard call.dict == nil else { throw unexpected("nothing after **") }
        position += 2
        call.named.append((name, try expression()))
      } else {
        guard call.named.isEmpty, call.list == nil, call.dict == nil else {
          throw unexpected("an argument with a name")
        }
        call.positional.append(try expression())
      }
    }
    position += 1
    return call
  }
}
