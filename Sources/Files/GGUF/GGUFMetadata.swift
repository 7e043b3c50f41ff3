// SPDX-License-Identifier: Apache-2.0
/// The metadata of a GGUF file: values by key, read with errors that name the key.
public struct GGUFMetadata: Sendable {
  /// The file, as errors name it.
  public let path: String
  let values: [String: GGUFValue]

  /// The keys, sorted.
  public var keys: [String] { values.keys.sorted() }

  /// The value under `key`, or nil.
  public subscript(key: String) -> GGUFValue? { values[key] }

  /// The error that says what the value under `key` should have been.
  public func error(_ key: String, expected: String, found: String? = nil, remedy: String = "") -> InputError {
    InputError(
      path: path, place: "key \(key)", expected: expected, found: found ?? values[key]?.summary ?? "no such key",
      remedy: remedy)
  }

  /// The text under `key`, or nil if there is no such key.
  public func string(_ key: String) throws(InputError) -> String? {
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value else { throw error(key, expected: "a text") }
    return text
  }

  /// The whole number under `key`, or nil if there is no such key.
  public func int(_ key: String) throws(InputError) -> Int? {
    guard let value = values[key] else { return nil }
    guard case .int(let number) = value else { throw error(key, expected: "a whole number") }
    return number
  }

  /// The finite number under `key`, or nil if there is no such key.
  public func double(_ key: String) throws(InputError) -> Double? {
    switch values[key] {
    case nil: return nil
    case .int(let number): return Double(number)
    case .double(let number) where number.isFinite: return number
    default: throw error(key, expected: "a number")
    }
  }

  /// The truth value under `key`, or nil if there is no such key.
  public func bool(_ key: String) throws(InputError) -> Bool? {
    guard let value = values[key] else { return nil }
    guard case .bool(let truth) = value else { throw error(key, expected: "true or false") }
    return truth
  }

  /// The texts under `key`, or nil if there is no such key.
  public func strings(_ key: String) throws(InputError) -> [String]? {
    try array(key).map { array throws(InputError) in
      guard let strings = try array.strings(place: "key \(key)") else { throw error(key, expected: "a list of texts") }
      return strings
    }
  }

  /// The whole numbers under `key`, or nil if there is no such key.
  public func ints(_ key: String) throws(InputError) -> [Int]? {
    try array(key).map { array throws(InputError) in
      guard let ints = array.ints() else { throw error(key, expected: "a list of whole numbers") }
      return ints
    }
  }

  /// The truth values under `key`, or nil if there is no such key.
  public func bools(_ key: String) throws(InputError) -> [Bool]? {
    try array(key).map { array throws(InputError) in
      guard let bools = array.bools() else { throw error(key, expected: "a list of true and false") }
      return bools
    }
  }

  /// The finite numbers under `key`, or nil if there is no such key.
  public func doubles(_ key: String) throws(InputError) -> [Double]? {
    try array(key).map { array throws(InputError) in
      guard let doubles = array.doubles() ?? array.ints()?.map(Double.init), doubles.allSatisfy(\.isFinite) else {
        throw error(key, expected: "a list of numbers")
      }
      return doubles
    }
  }

  private func array(_ key: String) throws(InputError) -> GGUFArray? {
    guard let value = values[key] else { return nil }
    guard case .array(let array) = value else { throw error(key, expected: "a list") }
    return array
  }
}
