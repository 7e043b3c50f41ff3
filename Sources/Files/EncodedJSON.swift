// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A value as JSON, by its `Codable` form, with sorted keys.
///
/// - Parameters:
///   - pretty: one member a line.
///   - path: where it goes, for the error.
/// - Throws: `InputError` naming the number that is NaN or infinite, which JSON does not have.
public func encodedJSON(_ value: some Encodable, pretty: Bool = false, path: String) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
  do { return try encoder.encode(value) } catch EncodingError.invalidValue(let value, let context) {
    guard let number = (value as? Double) ?? (value as? Float).map(Double.init) else {
      throw EncodingError.invalidValue(value, context)
    }
    let place = context.codingPath.reduce("") { text, key in
      if let index = key.intValue { return text + "[\(index)]" }
      return text.isEmpty ? key.stringValue : text + "." + key.stringValue
    }
    throw InputError.notFinite(number, at: place, of: path)
  }
}

extension AtomicFile {
  /// Writes a value as indented JSON.
  ///
  /// - Throws: `InputError` if the file cannot be written, or a number is NaN or infinite.
  public static func write(_ json: JSON, to path: String) throws {
    try write((json.output(pretty: true, path: path) + "\n").utf8, to: path)
  }
}
