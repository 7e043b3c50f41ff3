// SPDX-License-Identifier: Apache-2.0
// Filters that put elements in order.
extension Interpreter {
  /// Elements in the order of their keys; equal ones stay as they were, in reverse as well.
  func sorted<T>(_ values: [T], reverse: Bool = false, _ key: (T) throws(Fault) -> Value) throws(Fault) -> [T] {
    var keyed: [(value: T, key: Value, index: Int)] = [], fault: Fault?
    try spend(8 * values.count)
    for (index, value) in values.enumerated() { keyed.append((value, try key(value), index)) }
    keyed.sort { left, right in
      guard fault == nil else { return left.index < right.index }
      do throws(Fault) {
        let order = try self.order(left.key, right.key) ?? 0
        return order == 0 ? left.index < right.index : reverse ? order > 0 : order < 0
      } catch {
        fault = error
        return left.index < right.index
      }
    }
    if let fault { throw fault }
    return keyed.map(\.value)
  }

  func sort(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    var paths: [Value] = [options[2] ?? .none]
    if case .string(let text)? = options[2] { paths = try split(text, Text(","), most: -1).map { .string($0) } }
    let values = try sorted(try elements(of: value), reverse: options[0]?.isTrue == true) { value throws(Fault) in
      var keys: [Value] = []
      for path in paths { keys.append(try folded(try picked(value, path), options[1])) }
      return .list(try Items(keys))
    }
    return .list(try Items(values))
  }

  func dictSort(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    guard case .dict(let table) = value else { throw .type("a dictionary to sort", value) }
    let by = try options[1].map { value throws(Fault) in try text(value).string } ?? "key"
    guard by == "key" || by == "value" else { throw Fault(expected: "by of \"key\" or \"value\"", found: "\"\(by)\"") }
    let members = try sorted(table.members, reverse: options[2]?.isTrue == true) { member throws(Fault) in
      try folded(by == "key" ? member.key : member.value, options[0])
    }
    var pairs: [Value] = []
    for member in members { pairs.append(.tuple(try Items([member.key, member.value]))) }
    return .list(try Items(pairs))
  }

  func grouped(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    func key(_ value: Value) throws(Fault) -> Value { try picked(value, options[0], standard: options[1]) }
    let values = try sorted(try elements(of: value)) { value throws(Fault) in try folded(try key(value), options[2]) }
    var groups: [Value] = [], group: [Value] = []
    func close() throws(Fault) {
      guard let first = group.first else { return }
      var items = try Items([try key(first), .list(try Items(group))])
      items.isGroup = true
      groups.append(.tuple(items))
    }
    for value in values {
      if let last = group.last,
        try !equal(try folded(try key(last), options[2]), try folded(try key(value), options[2]))
      {
        try close()
        group = []
      }
      group.append(value)
    }
    try close()
    return .list(try Items(groups))
  }
}
