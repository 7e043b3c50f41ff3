// SPDX-License-Identifier: Apache-2.0
/// Arguments of a call.
struct Arguments {
  var positional: [Value]
  var named: [(name: String, value: Value)] = []

  init(_ positional: [Value] = [], named: [(name: String, value: Value)] = []) {
    (self.positional, self.named) = (positional, named)
  }

  /// One value, or nil, for each parameter.
  ///
  /// - Throws: for arguments that there are no parameters for, and for missing ones.
  func bind(_ function: String, _ parameters: [String], required: Int = 0) throws(Fault) -> [Value?] {
    guard positional.count <= parameters.count else {
      throw Fault(expected: "at most \(parameters.count) arguments of \(function)", found: "\(positional.count)")
    }
    var values: [Value?] = positional
    values += [Value?](repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let index = parameters.firstIndex(of: name) else {
        throw Fault(expected: "an argument that \(function) takes", found: "\"\(name)\"")
      }
      guard values[index] == nil else { throw Fault(expected: "each argument once", found: "\"\(name)\" again") }
      values[index] = value
    }
    if let index = values.prefix(required).firstIndex(where: { $0 == nil }) {
      throw Fault(expected: "argument \"\(parameters[index])\" of \(function)", found: "none")
    }
    return values
  }

  /// The argument of a name, taken away.
  mutating func take(_ name: String) -> Value? {
    guard let index = named.firstIndex(where: { $0.name == name }) else { return nil }
    return named.remove(at: index).value
  }
}

/// A macro with the names around it.
final class Macro {
  let node: MacroNode
  let scope: Scope

  init(_ node: MacroNode, _ scope: Scope) { (self.node, self.scope) = (node, scope) }
}

extension Interpreter {
  /// `value(…)`
  func call(_ value: Value, _ arguments: Arguments) throws(Fault) -> Value {
    try enter()
    defer { leave() }
    switch value {
    case .undefined(let message): throw Fault(expected: "something to call", found: message)
    case .macro(let macro): return .string(try call(macro, arguments))
    case .method(let method): return try call(method, arguments)
    case .function(let name): return try Functions.call(name, arguments, self)
    case .loop(let loop): return try loop.recurse(arguments, self)
    default: throw .type("something to call", value)
    }
  }

  private func call(_ macro: Macro, _ arguments: Arguments) throws(Fault) -> Text {
    let node = macro.node, scope = Scope(parent: macro.scope)
    var arguments = arguments
    let caller = node.readsCaller ? arguments.take("caller") : nil
    let extra = Array(arguments.positional.dropFirst(node.parameters.count))
    guard extra.isEmpty || node.readsPositional else {
      throw Fault(
        expected: "at most \(node.parameters.count) arguments of macro \(node.name)",
        found: "\(arguments.positional.count)")
    }
    for (index, parameter) in node.parameters.enumerated() {
      let named = arguments.take(parameter.name)
      if index < arguments.positional.count {
        if named != nil { throw Fault(expected: "each argument once", found: "\"\(parameter.name)\" again") }
        scope[parameter.id] = arguments.positional[index]
      } else if let named {
        scope[parameter.id] = named
      } else {
        scope[parameter.id] = .undefined("parameter '\(parameter.name)' was not provided")
        if let standard = parameter.standard { scope[parameter.id] = try value(standard, scope) }
      }
    }
    if node.readsCaller, let id = names["caller"] { scope[id] = caller ?? .undefined("No caller defined") }
    if node.readsPositional, let id = names["varargs"] { scope[id] = .tuple(try Items(extra)) }
    if node.readsNamed, let id = names["kwargs"] {
      scope[id] = .dict(try Table(arguments.named.map { (.text($0.name), $0.value) }))
    } else if let name = arguments.named.first?.name {
      throw Fault(expected: "an argument that macro \(node.name) takes", found: "\"\(name)\"")
    }
    return try capture { () throws(Fault) in _ = try run(node.body, scope) }
  }
}

/// The global functions.
enum Functions {
  static let names = ["range", "dict", "namespace", "raise_exception", "strftime_now"]
  private static let longestRange = 100_000

  static func call(_ name: String, _ arguments: Arguments, _ interpreter: Interpreter) throws(Fault) -> Value {
    switch name {
    case "range": return .range(try range(arguments))
    case "dict": return .dict(try Table(try members(arguments, "dict", interpreter)))
    case "namespace":
      try interpreter.spend(50)
      let namespace = Namespace()
      for (key, value) in try members(arguments, "namespace", interpreter) {
        guard case .string(let name) = key else { throw .type("names as strings in a namespace", key) }
        try interpreter.check(attribute: name.string)
        namespace[name.string] = value
      }
      interpreter.keep(namespace)
      return .namespace(namespace)
    case "raise_exception":
      let message = try arguments.bind(name, ["message"], required: 1)[0]!
      throw Fault(
        expected: "a conversation that the template takes",
        found: "\"\(try interpreter.string(message).string.prefix(500))\"")
    case "strftime_now":
      guard case .string(let format)? = try arguments.bind(name, ["format"], required: 1)[0] else {
        throw Fault(expected: "a format as a string", found: "another value")
      }
      return .text(try interpreter.clock.text(format.string))
    default: throw Fault(expected: "a function", found: name)
    }
  }

  private static func range(_ arguments: Arguments) throws(Fault) -> PythonRange {
    var numbers: [Int] = []
    for value in arguments.positional {
      guard let number = value.integer else { throw .type("whole numbers as bounds of range", value) }
      numbers.append(number)
    }
    guard arguments.named.isEmpty, 1...3 ~= numbers.count else {
      throw Fault(expected: "one to three numbers for range", found: "\(numbers.count)")
    }
    let step = numbers.count == 3 ? numbers[2] : 1
    guard step != 0 else { throw Fault(expected: "a step of range other than 0", found: "0") }
    let range = PythonRange(
      start: numbers.count == 1 ? 0 : numbers[0], stop: numbers.count == 1 ? numbers[0] : numbers[1], step: step)
    guard range.count <= longestRange else {
      throw Fault(expected: "a range of at most \(longestRange) numbers", found: "\(range.count)")
    }
    return range
  }

  /// Of `dict(…)`: a dictionary or pairs, and names.
  private static func members(
    _ arguments: Arguments, _ name: String, _ interpreter: Interpreter
  ) throws(Fault) -> [(key: Value, value: Value)] {
    guard arguments.positional.count <= 1 else {
      throw Fault(expected: "at most one argument of \(name) without a name", found: "\(arguments.positional.count)")
    }
    var members: [(key: Value, value: Value)] = []
    if case .dict(let table)? = arguments.positional.first {
      members = table.members
    } else if let first = arguments.positional.first {
      for pair in try interpreter.elements(of: first) {
        let parts = try interpreter.elements(of: pair)
        guard parts.count == 2 else {
          throw Fault(expected: "pairs of a key and a value", found: "\(parts.count) values")
        }
        try interpreter.spend(on: parts[0])
        members.append((parts[0], parts[1]))
      }
    }
    try interpreter.spend(16 * members.count)
    return members + arguments.named.map { (.text($0.name), $0.value) }
  }
}
