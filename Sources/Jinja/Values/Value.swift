// SPDX-License-Identifier: Apache-2.0
/// A value of a template, as Python has it.
///
/// Lists and dictionaries never change: the sandbox of transformers forbids `append` and its like, so all of them are
/// plain values. What changes (a namespace, a loop, a generator) is an object.
enum Value {
  /// With what is said to whoever uses it.
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(Text)
  case list(Items)
  case tuple(Items)
  case dict(Table)
  /// What `items`, `keys` and `values` of a dictionary return.
  case view(ViewKind, Items)
  case range(PythonRange)
  /// A generator: read once.
  case iterator(ValueIterator)
  case namespace(Namespace)
  case loop(Loop)
  case macro(Macro)
  case method(Method)
  /// A global by its name.
  case function(String)

  enum ViewKind: String { case items = "dict_items", keys = "dict_keys", values = "dict_values" }

  static func text(_ string: String) -> Value { .string(Text(string)) }

  /// Python's name of the type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .double: "float"
    case .string(let text): text.isMarkup ? "Markup" : "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    case .view(let kind, _): kind.rawValue
    case .range: "range"
    case .iterator: "generator"
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .macro: "Macro"
    case .method: "method"
    case .function: "function"
    }
  }

  /// Errors' words for it.
  var kind: String {
    switch self {
    case .undefined(let message): message
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): "int \(value)"
    case .double(let value): "float \(value)"
    case .string(let text): text.bytes.count <= 40 ? "str '\(text.string)'" : "str '\(text.string.prefix(40))…'"
    default: typeName
    }
  }

  /// How many lists, dictionaries and methods are inside one another.
  var depth: Int {
    switch self {
    case .list(let items), .tuple(let items), .view(_, let items): items.depth
    case .dict(let table): table.depth
    case .iterator(let iterator): iterator.depth
    case .method(let method): method.receiver.depth + 1
    default: 0
    }
  }

  /// Python's `bool(value)`.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .double(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let items), .tuple(let items), .view(_, let items): !items.values.isEmpty
    case .dict(let table): table.count > 0
    case .range(let range): range.count > 0
    case .iterator, .namespace, .loop, .macro, .method, .function: true
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  /// The whole number that Python takes an int or a bool for.
  var integer: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The number that Python takes an int, a bool or a float for.
  var number: Double? {
    if case .double(let value) = self { value } else { integer.map { Double($0) } }
  }
}

/// The elements of a list or a tuple.
struct Items {
  static let deepest = 200

  let values: [Value]
  let depth: Int
  /// Whether `groupby` made it, whose tuples have names for their parts.
  var isGroup = false

  init(_ values: [Value]) throws(Fault) {
    self.values = values
    var deepest = 0
    for value in values { deepest = max(deepest, value.depth) }
    depth = deepest + 1
    guard depth <= Self.deepest else {
      throw Fault(expected: "values at most \(Self.deepest) lists deep", found: "more")
    }
  }
}

/// `range(start, stop, step)`.
struct PythonRange: Equatable {
  var start: Int, stop: Int, step: Int

  var count: Int {
    let (distance, overflow) =
      step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    if overflow { return .max }
    return distance <= 0 ? 0 : (distance - 1) / Int(min(step.magnitude, UInt(Int.max))) + 1
  }

  subscript(index: Int) -> Int { start + index * step }
}

/// Values that are read once.
final class ValueIterator {
  private var values: ArraySlice<Value>
  let depth: Int

  init(_ values: [Value]) throws(Fault) {
    self.values = values[...]
    depth = try Items(values).depth
  }

  func next() -> Value? { values.popFirst() }

  func rest() -> [Value] {
    defer { values = [] }
    return Array(values)
  }
}

/// `namespace(…)`: names that an inner scope may set.
final class Namespace {
  var names: [(name: String, value: Value)] = []

  subscript(name: String) -> Value? {
    get { names.first { $0.name == name }?.value }
    set {
      guard let newValue else { return }
      if let index = names.firstIndex(where: { $0.name == name }) {
        names[index].value = newValue
      } else {
        names.append((name, newValue))
      }
    }
  }
}

/// A method of a value, not called yet.
final class Method {
  let receiver: Value
  let name: String

  init(_ receiver: Value, _ name: String) { (self.receiver, self.name) = (receiver, name) }
}
