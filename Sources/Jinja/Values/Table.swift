// SPDX-License-Identifier: Apache-2.0
/// A dictionary in the order in which it was made; it does not change afterwards.
final class Table {
  let keys: [Value]
  let values: [Value]
  let depth: Int
  /// Places of the keys; nil while a search from the front is quicker.
  private let places: [Key: Int]?

  private static let linearLimit = 8

  /// - Parameter members: of equal keys the last value counts, at the place of the first.
  init(_ members: [(key: Value, value: Value)]) throws(Fault) {
    var keys: [Value] = [], values: [Value] = [], places: [Key: Int] = [:], deepest = 0
    for member in members {
      let key = try Key(member.key)
      if let place = places[key] {
        values[place] = member.value
      } else {
        places[key] = keys.count
        keys.append(member.key)
        values.append(member.value)
      }
      deepest = max(deepest, member.key.depth, member.value.depth)
    }
    (self.keys, self.values, depth) = (keys, values, deepest + 1)
    self.places = keys.count > Self.linearLimit ? places : nil
    guard depth <= Items.deepest else {
      throw Fault(expected: "values at most \(Items.deepest) lists deep", found: "more")
    }
  }

  var count: Int { keys.count }

  /// The value under a string.
  func value(_ name: Text) -> Value? {
    if let places { return places[.string(name.bytes)].map { values[$0] } }
    for (index, key) in keys.enumerated() {
      if case .string(let text) = key, text.bytes == name.bytes { return values[index] }
    }
    return nil
  }

  /// The value under any key.
  ///
  /// - Throws: for a key that Python cannot hash.
  func value(under value: Value) throws(Fault) -> Value? {
    if case .string(let text) = value { return self.value(text) }
    let key = try Key(value)
    if let places { return places[key].map { values[$0] } }
    for (index, other) in keys.enumerated() where try Key(other) == key { return values[index] }
    return nil
  }

  var members: [(key: Value, value: Value)] { keys.indices.map { (keys[$0], values[$0]) } }

  /// Each member as a tuple.
  func pairs() throws(Fault) -> [Value] {
    var pairs: [Value] = []
    for (key, value) in zip(keys, values) { pairs.append(.tuple(try Items([key, value]))) }
    return pairs
  }
}

/// A value as a key: equal numbers are one key whatever their type.
enum Key: Hashable {
  case undefined, none
  case int(Int)
  case double(Double)
  case string([UInt8])
  case tuple([Key])
  case object(ObjectIdentifier)
  case name(String)

  init(_ value: Value) throws(Fault) {
    switch value {
    case .undefined: self = .undefined
    case .none: self = .none
    case .bool, .int: self = .int(value.integer!)
    case .double(let number): self = Int(exactly: number).map { .int($0) } ?? .double(number)
    case .string(let text): self = .string(text.bytes)
    case .tuple(let items):
      // A tuple of tuples can have far more leaves than memory.
      guard items.depth <= 4, items.values.count <= 1000 else {
        throw Fault(expected: "a key", found: "a large tuple")
      }
      var keys: [Key] = []
      for item in items.values { keys.append(try Key(item)) }
      self = .tuple(keys)
    case .iterator(let object): self = .object(ObjectIdentifier(object))
    case .namespace(let object): self = .object(ObjectIdentifier(object))
    case .loop(let object): self = .object(ObjectIdentifier(object))
    case .macro(let object): self = .object(ObjectIdentifier(object))
    case .method(let method): self = .object(ObjectIdentifier(method))
    case .function(let name): self = .name(name)
    case .range(let range): self = .tuple([.int(range.start), .int(range.stop), .int(range.step)])
    case .list, .dict, .view:
      throw Fault(expected: "a key that can be hashed", found: value.typeName)
    }
  }
}
