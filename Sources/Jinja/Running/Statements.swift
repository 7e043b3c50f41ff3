// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// How statements end.
  enum Flow { case onward, stop, skip }

  func run(_ nodes: [Node], _ scope: Scope) throws(Fault) -> Flow {
    try enter()
    defer { leave() }
    for node in nodes {
      try spend()
      let flow = try run(node, scope)
      if flow != .onward { return flow }
    }
    return .onward
  }

  private func run(_ node: Node, _ scope: Scope) throws(Fault) -> Flow {
    switch node {
    case .text(let text): try write(text)
    case .output(let expression, let line):
      self.line = line
      try write(try string(try value(expression, scope)))
    case .set(let target, let expression, let line):
      self.line = line
      try assign(target, try value(expression, scope), scope)
    case .setBlock(let target, let filters, let nodes, let line):
      return try setBlock(target, filters, nodes, line, scope)
    case .choice(let branches, let otherwise): return try choose(branches, otherwise, scope)
    case .loop(let node):
      line = node.line
      return try run(node, over: try value(node.values, scope), depth: 0, scope)
    case .with(let values, let nodes, let line):
      self.line = line
      let inner = Scope(parent: scope)
      for (target, expression) in values { try assign(target, try value(expression, scope), inner) }
      return try run(nodes, inner)
    case .macro(let macro):
      keep(scope)
      scope[macro.id] = .macro(Macro(macro, scope))
    case .call(let macro, let call, let line):
      self.line = line
      keep(scope)
      try write(try string(try value(call, scope, caller: .macro(Macro(macro, scope)))))
    case .filter(let filters, let nodes, let line):
      self.line = line
      let text = try capture { () throws(Fault) in _ = try run(nodes, Scope(parent: scope)) }
      try write(try string(try value(.string(text), filters, scope)))
    case .generation(let nodes): try generation(nodes, scope)
    case .stop: return .stop
    case .skip: return .skip
    }
    return .onward
  }

  private func setBlock(
    _ target: Target, _ filters: [Postfix], _ nodes: [Node], _ line: Int, _ scope: Scope
  ) throws(Fault) -> Flow {
    var flow = Flow.onward
    let text = try capture { () throws(Fault) in flow = try run(nodes, Scope(parent: scope)) }
    self.line = line
    if flow == .onward { try assign(target, try value(.string(text), filters, scope), scope) }
    return flow
  }

  private func choose(_ branches: [Node.Branch], _ otherwise: [Node], _ scope: Scope) throws(Fault) -> Flow {
    for branch in branches {
      line = branch.line
      if try value(branch.test, scope).isTrue { return try run(branch.body, scope) }
    }
    return try run(otherwise, scope)
  }

  func assign(_ target: Target, _ value: Value, _ scope: Scope) throws(Fault) {
    switch target {
    case .name(let id): scope[id] = value
    case .attribute(let id, let name):
      guard case .namespace(let namespace)? = scope[id] else {
        throw Fault(expected: "a namespace to set \"\(name)\" in", found: scope[id]?.kind ?? "nothing")
      }
      try check(attribute: name)
      try spend(namespace.names.count)
      namespace[name] = value
    case .tuple(let targets):
      let values = try elements(of: value)
      guard values.count == targets.count else {
        throw Fault(expected: "\(targets.count) values for as many names", found: "\(values.count)")
      }
      for (target, value) in zip(targets, values) { try assign(target, value, scope) }
    }
  }

  /// transformers refuses names of a namespace that begin with an underscore.
  func check(attribute name: String) throws(Fault) {
    if name.hasPrefix("_") {
      throw Fault(expected: "a name for a namespace that begins with no underscore", found: "\"\(name)\"")
    }
  }

  // MARK: Loops

  func run(_ node: LoopNode, over values: Value, depth: Int, _ scope: Scope) throws(Fault) -> Flow {
    let loop = Loop(try elements(of: values), node, depth: depth, scope)
    guard let loopID = names["loop"] else { return try run(loop, node, nil, scope) }
    return try run(loop, node, loopID, scope)
  }

  private func run(_ loop: Loop, _ node: LoopNode, _ loopID: Int?, _ scope: Scope) throws(Fault) -> Flow {
    var isThrough = false
    while let value = try loop.advance(self) {
      try spend(4)
      let inner = Scope(parent: scope)
      if let loopID { inner[loopID] = .loop(loop) }
      try assign(node.target, value, inner)
      let flow = try run(node.body, inner)
      if flow == .stop { break }
      if flow == .onward { isThrough = true }
    }
    // Jinja takes a loop for empty that no pass went to the end of.
    return !isThrough ? try run(node.otherwise, Scope(parent: scope)) : .onward
  }
}

/// `loop`: the values of a `for`, which are tested one by one as they are asked for.
final class Loop {
  private var values: ArraySlice<Value>
  /// Tested, but not reached yet.
  private var ahead: ArraySlice<Value> = []
  private let node: LoopNode
  private var scope: Scope?
  private var previous: Value?, current: Value?, changing: [Value]?
  private let total: Int
  /// From 0; −1 before the first.
  private(set) var index = -1
  let depth: Int
  var isKept = false

  init(_ values: [Value], _ node: LoopNode, depth: Int, _ scope: Scope) {
    (self.values, self.node, self.depth, self.scope, total) = (values[...], node, depth, scope, values.count)
  }

  func clear() {
    (values, ahead, previous, current, changing, scope) = ([], [], nil, nil, nil, nil)
  }

  func advance(_ interpreter: Interpreter) throws(Fault) -> Value? {
    let value = if let tested = ahead.popFirst() { tested } else { try test(interpreter) }
    guard let value else { return nil }
    (previous, current) = (current, value)
    index += 1
    return value
  }

  /// The next value that passes the loop's test.
  private func test(_ interpreter: Interpreter) throws(Fault) -> Value? {
    while let value = values.popFirst() {
      guard let test = node.test, let scope else { return value }
      try interpreter.spend()
      let inner = Scope(parent: scope)
      try interpreter.assign(node.target, value, inner)
      if try interpreter.value(test, inner).isTrue { return value }
    }
    return nil
  }

  private func peek(_ interpreter: Interpreter) throws(Fault) -> Value? {
    if ahead.isEmpty, let value = try test(interpreter) { ahead.append(value) }
    return ahead.first
  }

  func length(_ interpreter: Interpreter) throws(Fault) -> Int {
    if node.test == nil { return total }
    while let value = try test(interpreter) { ahead.append(value) }
    return index + 1 + ahead.count
  }

  /// `loop.name`
  func attribute(_ name: String, _ interpreter: Interpreter) throws(Fault) -> Value {
    switch name {
    case "index": .int(index + 1)
    case "index0": .int(index)
    case "first": .bool(index == 0)
    case "last": .bool(try peek(interpreter) == nil)
    case "length": .int(try length(interpreter))
    case "revindex": .int(try length(interpreter) - index)
    case "revindex0": .int(try length(interpreter) - index - 1)
    case "depth": .int(depth + 1)
    case "depth0": .int(depth)
    case "previtem": index == 0 ? .undefined("there is no previous item") : previous ?? .none
    case "nextitem": try peek(interpreter) ?? .undefined("there is no next item")
    case "cycle", "changed": .method(Method(.loop(self), name))
    default: .undefined("'LoopContext' object has no attribute '\(name)'")
    }
  }

  func call(_ name: String, _ arguments: Arguments, _ interpreter: Interpreter) throws(Fault) -> Value {
    guard arguments.named.isEmpty else { throw Fault(expected: "values without names", found: "names") }
    let values = arguments.positional
    if name == "cycle" {
      guard !values.isEmpty else { throw Fault(expected: "values to take in turns", found: "none") }
      return values[index % values.count]
    }
    if let changing, changing.count == values.count {
      var isSame = true
      for (old, new) in zip(changing, values) where try !interpreter.equal(old, new) { isSame = false }
      if isSame { return .bool(false) }
    }
    changing = values
    return .bool(true)
  }

  /// `loop(values)`: the loop again, over inner values.
  func recurse(_ arguments: Arguments, _ interpreter: Interpreter) throws(Fault) -> Value {
    let values = try arguments.bind("loop", ["iterable"], required: 1)
    guard node.isRecursive, let scope else {
      throw Fault(expected: "a loop marked as recursive", found: "one that is not")
    }
    return .string(
      try interpreter.capture { () throws(Fault) in
        _ = try interpreter.run(node, over: values[0]!, depth: depth + 1, scope)
      })
  }
}
