// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// `value is name`
  func test(_ name: String, _ value: Value, _ arguments: Arguments) throws(Fault) -> Bool {
    if let sign = Self.comparisons[name] {
      return try holds(value, sign, try arguments.bind("test \(name)", ["other"], required: 1)[0]!)
    }
    switch name {
    case "divisibleby":
      let divisor = try arguments.bind("test \(name)", ["num"], required: 1)[0]!
      return try equal(try remainder(value, divisor), .int(0))
    case "sameas": return try isSame(value, try arguments.bind("test \(name)", ["other"], required: 1)[0]!)
    default: _ = try arguments.bind("test \(name)", [])
    }
    switch name {
    case "defined": return !value.isUndefined
    case "undefined": return value.isUndefined
    case "none": return value.isNone
    case "boolean": if case .bool = value { return true }
    case "true": if case .bool(true) = value { return true }
    case "false": if case .bool(false) = value { return true }
    case "integer": if case .int = value { return true }
    case "float": if case .double = value { return true }
    case "number": return value.number != nil
    case "string": if case .string = value { return true }
    case "mapping": if case .dict = value { return true }
    case "sequence":
      switch value {
      case .string, .list, .tuple, .dict, .range, .undefined: return true
      default: break
      }
    case "iterable":
      switch value {
      case .string, .list, .tuple, .dict, .range, .undefined, .view, .iterator, .loop: return true
      default: break
      }
    case "callable":
      switch value {
      case .macro, .method, .function, .loop, .undefined: return true
      default: break
      }
    case "even": return try equal(try remainder(value, .int(2)), .int(0))
    case "odd": return try equal(try remainder(value, .int(2)), .int(1))
    case "lower", "upper":
      try spend(on: value)
      return TextCase.test("is" + name, try string(value)) ?? false
    case "escaped": if case .string(let text) = value { return text.isMarkup }
    case "filter": return Self.filters.contains(try text(value).string)
    case "test":
      let name = try text(value).string
      return Self.comparisons[name] != nil || Self.tests.contains(name)
    default: throw Fault(expected: "a test", found: "\"\(name)\"")
    }
    return false
  }

  private static let comparisons = [
    "eq": "==", "==": "==", "equalto": "==", "ne": "!=", "!=": "!=", "lt": "<", "<": "<", "lessthan": "<", "le": "<=",
    "<=": "<=", "gt": ">", ">": ">", "greaterthan": ">", "ge": ">=", ">=": ">=", "in": "in",
  ]

  private static let tests: Set<String> = [
    "boolean", "callable", "defined", "divisibleby", "escaped", "even", "false", "filter", "float", "integer",
    "iterable", "lower", "mapping", "none", "number", "odd", "sameas", "sequence", "string", "test", "true",
    "undefined", "upper",
  ]

  private func remainder(_ value: Value, _ divisor: Value) throws(Fault) -> Value {
    guard value.number != nil, let number = divisor.number, number != 0 else {
      throw Fault(expected: "numbers, and a divisor other than 0", found: "\(value.kind) and \(divisor.kind)")
    }
    return try calculate(value, "%", divisor)
  }

  /// Python's `is`, where objects of one value are one: constants, and small whole numbers.
  private func isSame(_ left: Value, _ right: Value) throws(Fault) -> Bool {
    switch (left, right) {
    case (.none, .none): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.int, .int), (.string, .string), (.namespace, .namespace), (.macro, .macro), (.loop, .loop):
      return try equal(left, right)
    default: return false
    }
  }
}
