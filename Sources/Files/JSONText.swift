// SPDX-License-Identifier: Apache-2.0
extension JSON {
  /// The value as JSON text.
  ///
  /// Text beyond ASCII is written as it is, control characters as escapes. Numbers read back equal. NaN and the
  /// infinities, which JSON does not have, become `null`: what leaves the program is written by
  /// ``output(pretty:path:)``, which refuses them.
  ///
  /// - Parameter pretty: one member a line, indented by two spaces; otherwise all on one line.
  public func text(pretty: Bool = false) -> String {
    var writer = JSONWriter(pretty: pretty)
    writer.write(self, indent: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The value as JSON text for others to read.
  ///
  /// - Parameters:
  ///   - pretty: see ``text(pretty:)``.
  ///   - path: where it goes, for the error.
  /// - Throws: `InputError` naming the first number that is NaN or infinite.
  public func output(pretty: Bool = false, path: String) throws(InputError) -> String {
    if let bad = notFinite { throw .notFinite(bad.value, at: bad.place, of: path) }
    return text(pretty: pretty)
  }

  /// The first number that JSON cannot write, and where it is: `scores[3].mean`.
  public var notFinite: (place: String, value: Double)? {
    switch self {
    case .double(let value) where !value.isFinite: return ("", value)
    case .array(let values):
      for (index, value) in values.enumerated() {
        if let bad = value.notFinite { return ("[\(index)]" + Self.joint(bad.place), bad.value) }
      }
      return nil
    case .object(let object):
      for (key, value) in object.members {
        if let bad = value.notFinite { return (key + Self.joint(bad.place), bad.value) }
      }
      return nil
    default: return nil
    }
  }

  private static func joint(_ place: String) -> String { place.isEmpty || place.hasPrefix("[") ? place : "." + place }
}

extension InputError {
  /// A result that JSON has no number for.
  ///
  /// - Parameters:
  ///   - place: `scores[3].mean`; empty for the whole.
  ///   - path: where it was to be written.
  public static func notFinite(_ value: Double, at place: String, of path: String) -> InputError {
    InputError(
      path: path, place: place.isEmpty ? "" : "key \(place)", expected: "a finite number to write", found: "\(value)",
      remedy: "Numbers that large or undefined come from weights or data that hold such: check both.")
  }
}

private struct JSONWriter {
  let pretty: Bool
  var bytes: [UInt8] = []

  mutating func write(_ value: JSON, indent: Int) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .int(let value): bytes += String(value).utf8
    case .double(let value):
      bytes += (value.isFinite ? "\(value)" : "null").utf8
    case .string(let value): write(value)
    case .array(let values):
      list("[", "]", values, indent) { writer, value in writer.write(value, indent: indent + 1) }
    case .object(let object):
      list("{", "}", object.members, indent) { writer, member in
        writer.write(member.key)
        writer.bytes += (writer.pretty ? ": " : ":").utf8
        writer.write(member.value, indent: indent + 1)
      }
    }
  }

  private mutating func list<T>(
    _ open: String, _ close: String, _ elements: [T], _ indent: Int, _ write: (inout JSONWriter, T) -> Void
  ) {
    bytes += open.utf8
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      if pretty { newline(indent + 1) }
      write(&self, element)
    }
    if pretty, !elements.isEmpty { newline(indent) }
    bytes += close.utf8
  }

  private mutating func newline(_ indent: Int) {
    bytes.append(UInt8(ascii: "\n"))
    bytes += repeatElement(UInt8(ascii: " "), count: 2 * indent)
  }

  private mutating func write(_ text: String) {
    let hex = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x08: bytes += "\\b".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0x09: bytes += "\\t".utf8
      case 0..<0x20: bytes += "\\u00".utf8 + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
