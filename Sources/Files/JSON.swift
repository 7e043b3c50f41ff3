// SPDX-License-Identifier: Apache-2.0
/// A JSON value (RFC 8259), as small and as quick to make as a tokenizer of 10 MB asks for.
///
/// Parsing is in `JSONParser.swift`, writing in `JSONText.swift`; `JSONReader` reads fields with errors that name them.
public enum JSON: Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without point or exponent that fits 64 bits.
  case int(Int)
  /// Any other number.
  case double(Double)
  /// A string; its scalars are those of the file, not normalised.
  case string(String)
  /// An array.
  case array([JSON])
  /// An object; the order of its keys is that of the file.
  case object(JSONObject)

  /// The value under `key`, or nil if this is no object or has no such key.
  public subscript(key: String) -> JSON? {
    guard case .object(let object) = self else { return nil }
    return object[key]
  }

  /// Name of the value in error messages: `string "abc"`, `array of 30`, `object {"a": 1}`.
  public var summary: String {
    switch self {
    case .null: return "null"
    case .bool(let value): return "\(value)"
    case .int(let value): return "number \(value)"
    case .double(let value): return value.isNaN ? "NaN" : "number \(value)"
    case .string(let value): return value.utf8.count <= 40 ? "string \"\(value)\"" : "string \"\(value.prefix(40))…\""
    case .array(let values): return Self.plain(values).map { "array [\($0)]" } ?? "array of \(values.count)"
    case .object(let object): return Self.plain(object).map { "object {\($0)}" } ?? "object of \(object.count)"
    }
  }

  /// A few numbers, truth values or words, which say more than their count; nil for others.
  private static func plain(_ values: [JSON]) -> String? {
    guard (1...4).contains(values.count) else { return nil }
    let texts = values.compactMap(\.plain)
    return texts.count == values.count ? texts.joined(separator: ", ") : nil
  }

  /// The same of a few members.
  private static func plain(_ object: JSONObject) -> String? {
    guard (1...4).contains(object.count) else { return nil }
    let texts = object.members.compactMap { key, value in
      key.utf8.count <= 40 ? value.plain.map { "\"\(key)\": \($0)" } : nil
    }
    return texts.count == object.count ? texts.joined(separator: ", ") : nil
  }

  /// Text of a short value without parts.
  private var plain: String? {
    switch self {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text) where text.utf8.count <= 24: "\"\(text)\""
    default: nil
    }
  }
}

/// The members of a JSON object, in order, found by key in constant time.
///
/// Keys are compared byte for byte: a vocabulary holds both "é" as one scalar and as two, which `String` calls equal.
public struct JSONObject: Sendable {
  /// One member.
  public typealias Member = (key: String, value: JSON)

  /// The members in the order of the file.
  public private(set) var members: [Member] = []
  // Open addressing with linear probing over indices into `members`; empty while a linear search is quicker.
  private var table: [Int32] = []
  private static let linearLimit = 8

  /// Numbers whose text says more than their value, as it stands in the file: `0.50`, `1e-05`, digits beyond 64 bits.
  /// Kept where a text is parsed as a line of a data file, since there a number may be an answer to learn.
  package private(set) var written: [String: String] = [:]

  /// An object without members.
  public init() {}

  /// Remembers how the number under a key is written.
  package mutating func note(_ key: String, writtenAs text: String) { written[key] = text }

  /// The number of members.
  public var count: Int { members.count }

  /// The value under `key`. Setting nil writes nothing and removes nothing.
  public subscript(key: String) -> JSON? {
    get { index(of: key).map { members[$0].value } }
    set {
      guard let newValue else { return }
      if let index = index(of: key) {
        members[index].value = newValue
      } else {
        _ = append(key, newValue)
      }
    }
  }

  /// Adds a member at the end unless the key is there already; says whether it did.
  public mutating func append(_ key: String, _ value: JSON) -> Bool {
    if members.count < Self.linearLimit {
      guard index(of: key) == nil else { return false }
      members.append((key, value))
      return true
    }
    if table.count < 2 * (members.count + 1) { grow() }
    let slot = slot(of: key)
    guard table[slot] < 0 else { return false }
    table[slot] = Int32(members.count)
    members.append((key, value))
    return true
  }

  private func index(of key: String) -> Int? {
    if table.isEmpty { return members.firstIndex { Self.same($0.key, key) } }
    let index = Int(table[slot(of: key)])
    return index < 0 ? nil : index
  }

  /// The slot that holds `key`, or the empty one where it belongs.
  private func slot(of key: String) -> Int {
    let mask = table.count - 1
    var slot = Self.hash(key) & mask
    while table[slot] >= 0, !Self.same(members[Int(table[slot])].key, key) { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    table = [Int32](repeating: -1, count: max(4 * Self.linearLimit, table.count * 4))
    for index in members.indices { table[slot(of: members[index].key)] = Int32(index) }
  }

  // Seeded per process, so that nobody can prepare keys that collide.
  private static func hash(_ key: String) -> Int {
    var hasher = Hasher()
    var key = key
    key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    return hasher.finalize()
  }

  static func same(_ a: String, _ b: String) -> Bool {
    a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8)
  }
}

extension JSON: Equatable {
  /// Equal values of equal kind; strings scalar for scalar, objects whatever the order of their members.
  public static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): return true
    case (.bool(let a), .bool(let b)): return a == b
    case (.int(let a), .int(let b)): return a == b
    case (.double(let a), .double(let b)): return a == b
    case (.string(let a), .string(let b)): return JSONObject.same(a, b)
    case (.array(let a), .array(let b)): return a == b
    case (.object(let a), .object(let b)): return a.count == b.count && a.members.allSatisfy { b[$0.key] == $0.value }
    default: return false
    }
  }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
}

extension JSON: ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  /// A number.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
}

extension JSON: ExpressibleByDictionaryLiteral {
  /// An object in the order written. A key written twice is a programming error.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = JSONObject()
    for (key, value) in elements {
      let isNew = object.append(key, value)
      precondition(isNew, "key \(key) twice")
    }
    self = .object(object)
  }
}
