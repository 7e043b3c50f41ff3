// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// The value of an expression.
  ///
  /// - Parameter caller: what a call block passes to the call that the expression ends with.
  func value(_ expression: Expression, _ scope: Scope, caller: Value? = nil) throws(Fault) -> Value {
    try spend()
    try enter()
    defer { leave() }
    switch expression {
    case .literal(let literal): return value(literal)
    case .name(let id, let name): return lookup(id, name, scope)
    case .list(let parts): return .list(try Items(try values(parts, scope)))
    case .tuple(let parts): return .tuple(try Items(try values(parts, scope)))
    case .dict(let members): return try dict(members, scope)
    case .chain(let first, let parts): return try chain(first, parts, scope, caller)
    case .arithmetic(let first, let rest): return try arithmetic(first, rest, scope)
    case .compare(let first, let rest): return try compare(first, rest, scope)
    case .concat(let parts): return try concat(parts, scope)
    case .and(let parts): return try firstValue(parts, thatIs: false, scope)
    case .or(let parts): return try firstValue(parts, thatIs: true, scope)
    case .not(let inner): return .bool(try !value(inner, scope).isTrue)
    case .sign(let isMinus, let inner): return try signed(try value(inner, scope), isMinus: isMinus)
    case .choice(let test, let then, let otherwise):
      if try value(test, scope).isTrue { return try value(then, scope) }
      if let otherwise { return try value(otherwise, scope) }
      return .undefined("the inline if-expression evaluated to false and no else section was defined.")
    }
  }

  private func value(_ literal: Literal) -> Value {
    switch literal {
    case .none: .none
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .double(let value): .double(value)
    case .string(let text): .string(text)
    }
  }

  private func lookup(_ id: Int, _ name: String, _ scope: Scope) -> Value {
    guard let value = scope[id] else { return .undefined("'\(name)' is undefined") }
    // It may be stored somewhere now.
    if case .loop(let loop) = value { keep(loop) }
    return value
  }

  func values(_ parts: [Expression], _ scope: Scope) throws(Fault) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(parts.count)
    for part in parts { values.append(try value(part, scope)) }
    return values
  }

  private func dict(_ parts: [(key: Expression, value: Expression)], _ scope: Scope) throws(Fault) -> Value {
    var members: [(key: Value, value: Value)] = []
    for part in parts {
      let key = try value(part.key, scope)
      try spend(on: key)
      members.append((key, try value(part.value, scope)))
    }
    return .dict(try Table(members))
  }

  private func firstValue(_ parts: [Expression], thatIs truth: Bool, _ scope: Scope) throws(Fault) -> Value {
    var result = Value.none
    for part in parts {
      result = try value(part, scope)
      if result.isTrue == truth { return result }
    }
    return result
  }

  private func concat(_ parts: [Expression], _ scope: Scope) throws(Fault) -> Value {
    var result = Text()
    for part in try values(parts, scope) {
      let text = try string(part)
      try spend(bytes: text.bytes.count)
      result.append(text)
    }
    return .string(result)
  }

  // MARK: Chains

  private func chain(_ first: Expression, _ parts: [Postfix], _ scope: Scope, _ caller: Value?) throws(Fault) -> Value {
    if case .name(let id, _) = first, case .loop(let loop)? = scope[id], case .attribute(let name) = parts[0] {
      return try value(try loop.attribute(name.string, self), parts[1...], scope, caller)
    }
    return try value(try value(first, scope), parts[...], scope, caller)
  }

  /// A value after what follows it.
  func value(_ start: Value, _ parts: [Postfix], _ scope: Scope) throws(Fault) -> Value {
    try value(start, parts[...], scope, nil)
  }

  private func value(
    _ start: Value, _ parts: ArraySlice<Postfix>, _ scope: Scope, _ caller: Value?
  ) throws(Fault) -> Value {
    var result = start
    for (index, part) in zip(parts.indices, parts) {
      try spend()
      result = try value(result, part, scope, index == parts.endIndex - 1 ? caller : nil)
    }
    return result
  }

  private func value(_ value: Value, _ part: Postfix, _ scope: Scope, _ caller: Value?) throws(Fault) -> Value {
    switch part {
    case .attribute(let name): return try attribute(name, of: value)
    case .item(let index): return try item(try self.value(index, scope), of: value)
    case .slice(let start, let stop, let step):
      var bounds: [Value] = []
      for bound in [start, stop, step] {
        bounds.append(try bound.map { bound throws(Fault) in try self.value(bound, scope) } ?? .none)
      }
      return try slice(bounds, of: value)
    case .call(let call, let line):
      var arguments = try self.arguments(call, scope)
      self.line = line
      if let caller { arguments.named.append(("caller", caller)) }
      return try self.call(value, arguments)
    case .filter(let name, let call, let line):
      let arguments = try self.arguments(call, scope)
      self.line = line
      return try filter(name, value, arguments)
    case .test(let name, let call, let isNegated, let line):
      let arguments = try self.arguments(call, scope)
      self.line = line
      return .bool(try test(name, value, arguments) != isNegated)
    }
  }

  private func arguments(_ call: Call, _ scope: Scope) throws(Fault) -> Arguments {
    var arguments = Arguments(try values(call.positional, scope))
    for (name, expression) in call.named {
      guard !arguments.named.contains(where: { $0.name == name }) else {
        throw Fault(expected: "each argument once", found: "\"\(name)\" again")
      }
      arguments.named.append((name, try value(expression, scope)))
    }
    if let list = call.list { arguments.positional += try elements(of: try value(list, scope)) }
    if let dict = call.dict {
      guard case .dict(let table) = try value(dict, scope) else {
        throw Fault(expected: "a dictionary after **", found: "another value")
      }
      for (key, value) in table.members {
        guard case .string(let name) = key else { throw .type("names as strings after **", key) }
        arguments.named.append((name.string, value))
      }
    }
    return arguments
  }
}
