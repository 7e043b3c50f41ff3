// SPDX-License-Identifier: Apache-2.0
/// A JSON value that knows where it stands, so that an error about it can name file and key path.
///
///     let config = try JSONReader(file: "model/config.json")
///     let hidden = try config.int(at: "hidden_size")          // …/config.json: key hidden_size: expected a whole …
///     let theta = try config.ifPresent("rope_theta")?.double() ?? 10_000
public struct JSONReader: Sendable {
  /// The value.
  public let value: JSON
  /// The file or other source.
  public let path: String
  /// Dotted path from the root, `model.merges[3]`; empty at the root.
  public let keyPath: String

  /// How a number is written, where its value says less: `0.50`. See ``JSONObject``.
  package var written: String?

  /// A value of a source.
  public init(_ value: JSON, path: String, keyPath: String = "") {
    self.value = value
    self.path = path
    self.keyPath = keyPath
  }

  /// Reads and parses a file of at most `limit` bytes.
  public init(file: String, limit: Int = 1 << 30) throws(InputError) {
    let bytes = try fileBytes(file, limit: limit)
    self.init(try JSON(parsing: bytes, path: file), path: file)
  }

  /// The error that says what this value should have been.
  public func error(expected: String, found: String? = nil, remedy: String = "") -> InputError {
    InputError(
      path: path, place: keyPath.isEmpty ? "" : "key \(keyPath)", expected: expected, found: found ?? value.summary,
      remedy: remedy)
  }

  // MARK: Members

  /// The member under `key`. Throws if there is none or this is no object.
  public func at(_ key: String) throws(InputError) -> JSONReader {
    guard let member = try object()[key] else {
      throw child(key, .null).error(expected: "a value", found: "no such key", remedy: try spelling(of: key))
    }
    return child(key, member)
  }

  /// The key that a missing one may be misspelt as, asked; empty where none is near.
  private func spelling(of key: String) throws(InputError) -> String {
    // Vocabularies and the like hold words by the million: nobody has misspelt one of them.
    let keys = try object().members.prefix(64).map(\.key).filter { $0.utf8.count <= 64 }
    return nearestName(to: key, among: keys).map { "Is \"\($0)\" meant to be it?" } ?? ""
  }

  /// How the number under `key` is written, if its value does not say.
  private func written(_ key: String) -> String? {
    guard case .object(let object) = value else { return nil }
    return object.written[key]
  }

  /// The member under `key`, or nil if it is absent or null. Throws if this is no object.
  public func ifPresent(_ key: String) throws(InputError) -> JSONReader? {
    guard let member = try object()[key], member != .null else { return nil }
    return child(key, member)
  }

  /// The elements of an array, each knowing its place.
  public func elements() throws(InputError) -> [JSONReader] {
    try array().enumerated().map { index, element in
      JSONReader(element, path: path, keyPath: "\(keyPath)[\(index)]")
    }
  }

  /// This value's child as it would be found under `key`.
  public func child(_ key: String, _ value: JSON) -> JSONReader {
    let name = key.isEmpty ? key.orNoName : key
    var child = JSONReader(value, path: path, keyPath: keyPath.isEmpty ? name : "\(keyPath).\(name)")
    child.written = written(key)
    return child
  }

  // MARK: Values

  /// The string.
  public func string() throws(InputError) -> String {
    guard case .string(let value) = value else { throw error(expected: "a string") }
    return value
  }

  /// The whole number; `2.0` counts as one.
  public func int() throws(InputError) -> Int {
    switch value {
    case .int(let value): return value
    case .double(let double):
      guard let value = Int(exactly: double) else { throw error(expected: "a whole number") }
      return value
    default: throw error(expected: "a whole number")
    }
  }

  /// The number.
  public func double() throws(InputError) -> Double {
    switch value {
    case .int(let value): return Double(value)
    case .double(let value): return value
    default: throw error(expected: "a number")
    }
  }

  /// The truth value.
  public func bool() throws(InputError) -> Bool {
    guard case .bool(let value) = value else { throw error(expected: "true or false") }
    return value
  }

  /// The array.
  public func array() throws(InputError) -> [JSON] {
    guard case .array(let value) = value else { throw error(expected: "an array") }
    return value
  }

  /// The object.
  public func object() throws(InputError) -> JSONObject {
    guard case .object(let value) = value else { throw error(expected: "an object") }
    return value
  }

  /// The string under `key`.
  public func string(at key: String) throws(InputError) -> String { try at(key).string() }
  /// The whole number under `key`.
  public func int(at key: String) throws(InputError) -> Int { try at(key).int() }
  /// The number under `key`.
  public func double(at key: String) throws(InputError) -> Double { try at(key).double() }
  /// The truth value under `key`.
  public func bool(at key: String) throws(InputError) -> Bool { try at(key).bool() }
  /// The array under `key`.
  public func array(at key: String) throws(InputError) -> [JSON] { try at(key).array() }
  /// The object under `key`.
  public func object(at key: String) throws(InputError) -> JSONObject { try at(key).object() }
}
