// SPDX-License-Identifier: Apache-2.0
// Arithmetic and comparison as Python has them.
extension Interpreter {
  func arithmetic(
    _ first: Expression, _ rest: [(sign: String, value: Expression)], _ scope: Scope
  ) throws(Fault) -> Value {
    var result = try value(first, scope)
    for (sign, expression) in rest {
      try spend()
      result = try calculate(result, sign, try value(expression, scope))
    }
    return result
  }

  func signed(_ value: Value, isMinus: Bool) throws(Fault) -> Value {
    if case .double(let number) = value { return .double(isMinus ? -number : number) }
    guard let number = value.integer else { throw .type("a number after a sign", value) }
    guard isMinus else { return .int(number) }
    guard number != .min else { throw overflow }
    return .int(-number)
  }

  private var overflow: Fault { Fault(expected: "whole numbers of 64 bits", found: "a larger one") }

  func calculate(_ left: Value, _ sign: String, _ right: Value) throws(Fault) -> Value {
    if case .undefined(let message) = left { throw Fault(expected: "a value before \(sign)", found: message) }
    if case .undefined(let message) = right { throw Fault(expected: "a value after \(sign)", found: message) }
    if let left = left.integer, let right = right.integer { return try whole(left, sign, right) }
    if let left = left.number, let right = right.number { return .double(try real(left, sign, right)) }
    switch (left, sign, right) {
    case (.string(let left), "+", .string(let right)): return .string(try joined(left, right))
    case (.list(let left), "+", .list(let right)):
      try spend(3 * (left.values.count + right.values.count))
      return .list(try Items(left.values + right.values))
    case (.tuple(let left), "+", .tuple(let right)):
      try spend(3 * (left.values.count + right.values.count))
      return .tuple(try Items(left.values + right.values))
    case (.string(let text), "%", _): return .string(try formatted(text, right))
    case (_, "*", _):
      if let count = right.integer { return try repeated(left, count) }
      if let count = left.integer { return try repeated(right, count) }
    default: break
    }
    throw Fault(expected: "values that \(sign) takes", found: "\(left.kind) \(sign) \(right.kind)")
  }

  func joined(_ left: Text, _ right: Text) throws(Fault) -> Text {
    try spend(bytes: left.bytes.count + right.bytes.count)
    let isMarkup = left.isMarkup || right.isMarkup
    var result = isMarkup ? left.escaped : left
    result.append(isMarkup ? right.escaped : right)
    return result
  }

  private func repeated(_ value: Value, _ count: Int) throws(Fault) -> Value {
    let count = max(count, 0)
    func times(_ size: Int) throws(Fault) {
      let (total, overflow) = size.multipliedReportingOverflow(by: count)
      try spend(overflow ? .max / 2 : total)
    }
    switch value {
    case .string(let text):
      try times(text.bytes.count / 8 + 1)
      var result = Text()
      for _ in 0..<count { result.append(text) }
      result.isMarkup = text.isMarkup
      return .string(result)
    case .list(let items), .tuple(let items):
      try times(3 * items.values.count + 1)
      let values = try Items(Array([[Value]](repeating: items.values, count: count).joined()))
      if case .list = value { return .list(values) }
      return .tuple(values)
    default: throw .type("a text or a list to repeat", value)
    }
  }

  private func whole(_ left: Int, _ sign: String, _ right: Int) throws(Fault) -> Value {
    if right == 0, ["/", "//", "%"].contains(sign) { throw Fault(expected: "a divisor other than 0", found: "0") }
    let (value, isOver): (Int, Bool)
    switch sign {
    case "+": (value, isOver) = left.addingReportingOverflow(right)
    case "-": (value, isOver) = left.subtractingReportingOverflow(right)
    case "*": (value, isOver) = left.multipliedReportingOverflow(by: right)
    case "/": return .double(Double(left) / Double(right))
    case "//":
      if left == .min, right == -1 { throw overflow }
      (value, isOver) = ((left - Self.modulo(left, right)) / right, false)
    case "%": (value, isOver) = (right == -1 ? 0 : Self.modulo(left, right), false)
    default: return try power(left, right)
    }
    if isOver { throw overflow }
    return .int(value)
  }

  private static func modulo(_ left: Int, _ right: Int) -> Int {
    if right == -1 { return 0 }
    let rest = left % right
    return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest
  }

  private func power(_ base: Int, _ exponent: Int) throws(Fault) -> Value {
    if exponent < 0 { return .double(try real(Double(base), "**", Double(exponent))) }
    if base == 0 || base == 1 { return .int(exponent == 0 ? 1 : base) }
    if base == -1 { return .int(exponent % 2 == 0 ? 1 : -1) }
    guard exponent < 64 else { throw overflow }
    var result = 1
    for _ in 0..<exponent {
      let (next, isOver) = result.multipliedReportingOverflow(by: base)
      if isOver { throw overflow }
      result = next
    }
    return .int(result)
  }

  // MARK: Comparison

  func compare(
    _ first: Expression, _ rest: [(sign: String, value: Expression)], _ scope: Scope
  ) throws(Fault) -> Value {
    var left = try value(first, scope)
    for (sign, expression) in rest {
      try spend()
      let right = try value(expression, scope)
      guard try holds(left, sign, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  func holds(_ left: Value, _ sign: String, _ right: Value) throws(Fault) -> Bool {
    switch sign {
    case "==": return try equal(left, right)
    case "!=": return try !equal(left, right)
    case "in": return try contains(right, left)
    case "not in": return try !contains(right, left)
    default:
      guard let order = try order(left, right, sign) else { return false }
      switch sign {
      case "<": return order < 0
      case "<=": return order <= 0
      case ">": return order > 0
      default: return order >= 0
      }
    }
  }

  func equal(_ left: Value, _ right: Value) throws(Fault) -> Bool {
    try spend()
    if let left = left.integer, let right = right.integer { return left == right }
    if let left = left.number, let right = right.number { return left == right }
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)):
      try spend(left.bytes.count / 64)
      return left.bytes == right.bytes
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      guard left.values.count == right.values.count else { return false }
      for (left, right) in zip(left.values, right.values) where try !equal(left, right) { return false }
      return true
    case (.dict(let left), .dict(let right)):
      guard left.count == right.count else { return false }
      for (key, value) in left.members {
        guard let other = try right.value(under: key), try equal(value, other) else { return false }
      }
      return true
    case (.range(let left), .range(let right)):
      return left.count == right.count
        && (left.count == 0 || left.start == right.start && (left.count == 1 || left.step == right.step))
    case (.iterator(let left), .iterator(let right)): return left === right
    case (.namespace(let left), .namespace(let right)): return left === right
    case (.loop(let left), .loop(let right)): return left === right
    case (.macro(let left), .macro(let right)): return left === right
    case (.function(let left), .function(let right)): return left == right
    default: return false
    }
  }

  /// Less than, equal to or greater than 0, as `left` is to `right`; nil if they have no order, as NaN has none.
  func order(_ left: Value, _ right: Value, _ sign: String = "<") throws(Fault) -> Int? {
    try spend()
    if let left = left.integer, let right = right.integer { return left < right ? -1 : left > right ? 1 : 0 }
    if let left = left.number, let right = right.number {
      return left < right ? -1 : left > right ? 1 : left == right ? 0 : nil
    }
    switch (left, right) {
    case (.string(let left), .string(let right)):
      try spend(min(left.bytes.count, right.bytes.count) / 64)
      return left.bytes.lexicographicallyPrecedes(right.bytes) ? -1 : left.bytes == right.bytes ? 0 : 1
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (left, right) in zip(left.values, right.values) where try !equal(left, right) {
        return try order(left, right, sign)
      }
      return left.values.count - right.values.count
    default: throw Fault(expected: "values that have an order", found: "\(left.kind) \(sign) \(right.kind)")
    }
  }

  /// `element in container`
  func contains(_ container: Value, _ element: Value) throws(Fault) -> Bool {
    switch container {
    case .dict(let table):
      try spend(on: element)
      return try table.value(under: element) != nil
    case .string(let text):
      guard case .string(let part) = element else { throw .type("a string to look for in a string", element) }
      return try find(part, in: text) != nil
    default:
      for value in try elements(of: container) where try equal(value, element) { return true }
      return false
    }
  }
}
