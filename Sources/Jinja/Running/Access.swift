// SPDX-License-Identifier: Apache-2.0
// Attributes, elements, slices.
extension Interpreter {
  /// `value.name`: an attribute of Python first, then a key.
  func attribute(_ name: Text, of value: Value) throws(Fault) -> Value {
    switch value {
    case .undefined(let message): throw Fault(expected: "a value with \"\(name.string)\"", found: message)
    case .dict(let table):
      if let method = Methods.find(name, of: value) { return method }
      try spend(table.count / 8)
      return table.value(name) ?? missing(name, of: value)
    default: return try ownAttribute(name, of: value) ?? missing(name, of: value)
    }
  }

  private func missing(_ name: Text, of value: Value) -> Value {
    let type = value.typeName
    return .undefined(
      value.isNone ? "None has no attribute '\(name.string)'" : "'\(type) object' has no attribute '\(name.string)'")
  }

  /// What Python's `getattr` finds; nil if nothing.
  private func ownAttribute(_ name: Text, of value: Value) throws(Fault) -> Value? {
    switch value {
    case .namespace(let namespace): return namespace[name.string]
    case .loop(let loop): return try loop.attribute(name.string, self)
    case .macro(let macro):
      switch name.string {
      case "name": return .text(macro.node.name)
      case "arguments":
        return .tuple(try Items(macro.node.parameters.map { .text($0.name) }))
      default: return nil
      }
    case .tuple(let items) where items.isGroup && (name.string == "grouper" || name.string == "list"):
      return items.values[name.string == "list" ? 1 : 0]
    case .range(let range):
      return ["start": range.start, "stop": range.stop, "step": range.step][name.string].map { .int($0) }
    default: return Methods.find(name, of: value)
    }
  }

  /// `value[index]`: an element first, then an attribute.
  func item(_ index: Value, of value: Value) throws(Fault) -> Value {
    switch value {
    case .undefined(let message): throw Fault(expected: "a value with elements", found: message)
    case .dict(let table):
      try spend(on: index)
      do throws(Fault) {
        if let found = try table.value(under: index) { return found }
      } catch {
        return .undefined("dict object has no element of that kind")
      }
    case .list(let items), .tuple(let items):
      if let place = index.integer, let place = Self.place(place, in: items.values.count) { return items.values[place] }
    case .range(let range):
      if let place = index.integer, let place = Self.place(place, in: range.count) { return .int(range[place]) }
    case .string(let text):
      if let place = index.integer {
        try spend(bytes: min(text.bytes.count, place.magnitude > 1 << 40 ? .max : Int(place.magnitude)))
        if let scalar = text.scalar(at: place) { return .string(scalar) }
      }
    default: break
    }
    if case .string(let name) = index, let found = try ownAttribute(name, of: value) { return found }
    return .undefined("\(value.isNone ? "None" : value.typeName + " object") has no element \(try repr(index).string)")
  }

  static func place(_ index: Int, in count: Int) -> Int? {
    let place = index < 0 ? index + count : index
    return place >= 0 && place < count ? place : nil
  }

  /// `value[start:stop:step]`
  func slice(_ bounds: [Value], of value: Value) throws(Fault) -> Value {
    switch value {
    case .undefined(let message): throw Fault(expected: "a value with elements", found: message)
    case .string(let text):
      try spend(bytes: text.bytes.count)
      return .string(try slice(bounds, of: text))
    case .list(let items): return .list(try Items(try slice(bounds, of: items.values)))
    case .tuple(let items): return .tuple(try Items(try slice(bounds, of: items.values)))
    case .range(let range):
      let places = try Self.places(bounds, count: range.count)
      let (step, overflow) = range.step.multipliedReportingOverflow(by: places.step)
      guard !overflow else { throw Fault(expected: "a step of 64 bits", found: "more") }
      // Wraps only where Python's bounds are beyond 64 bits.
      let start = range.start &+ places.start &* range.step
      return .range(PythonRange(start: start, stop: start &+ places.count &* step, step: step))
    default: throw .type("a text or a list to take a part of", value)
    }
  }

  private func slice(_ bounds: [Value], of values: [Value]) throws(Fault) -> [Value] {
    let places = try Self.places(bounds, count: values.count)
    try spend(places.count / 2)
    if places.step == 1 { return Array(values[places.start..<places.start + places.count]) }
    return (0..<places.count).map { values[places.start + $0 * places.step] }
  }

  private func slice(_ bounds: [Value], of text: Text) throws(Fault) -> Text {
    let places = try Self.places(bounds, count: text.scalarCount)
    if places.step == 1 {
      let start = text.offset(ofScalar: places.start)
      return text.slice(start..<max(start, text.offset(ofScalar: places.start + places.count)))
    }
    try spend(8 * text.bytes.count)
    let scalars = text.scalars
    var result = Text()
    for index in 0..<places.count { result.append(text.slice(scalars[places.start + index * places.step].range)) }
    result.isMarkup = text.isMarkup
    return result
  }

  /// Python's `slice.indices`.
  private static func places(_ bounds: [Value], count: Int) throws(Fault) -> (start: Int, count: Int, step: Int) {
    var numbers: [Int?] = []
    for bound in bounds {
      if bound.isNone {
        numbers.append(nil)
      } else {
        guard let number = bound.integer else { throw .type("whole numbers or none as bounds of a slice", bound) }
        numbers.append(number)
      }
    }
    let step = numbers[2] ?? 1
    guard step != 0 else { throw Fault(expected: "a step of a slice other than 0", found: "0") }
    let (lower, upper) = step > 0 ? (0, count) : (-1, count - 1)
    func clamped(_ bound: Int?, _ standard: Int) -> Int {
      guard let bound else { return standard }
      return min(max(bound < 0 ? bound + count : bound, lower), upper)
    }
    let start = clamped(numbers[0], step > 0 ? lower : upper), stop = clamped(numbers[1], step > 0 ? upper : lower)
    let range = PythonRange(start: start, stop: stop, step: step)
    return (range.count == 0 ? max(0, min(start, count)) : start, range.count, step)
  }

  /// What `for` goes through.
  func elements(of value: Value) throws(Fault) -> [Value] {
    let values: [Value]
    switch value {
    case .undefined: return []
    case .list(let items), .tuple(let items), .view(_, let items): values = items.values
    case .dict(let table): values = table.keys
    case .iterator(let iterator): values = iterator.rest()
    case .range(let range):
      try spend(range.count)
      values = (0..<range.count).map { .int(range[$0]) }
    case .string(let text):
      try spend(8 * text.bytes.count)
      values = text.scalars.map { .string(text.slice($0.range)) }
    default: throw .type("values to go through", value)
    }
    try spend(values.count / 4)
    return values
  }
}

extension Value {
  var isNone: Bool { if case .none = self { true } else { false } }
}
