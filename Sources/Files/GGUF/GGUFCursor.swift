// SPDX-License-Identifier: Apache-2.0
/// Reads the header of a GGUF file from front to back, never beyond its end.
struct GGUFCursor {
  let file: MappedFile
  /// The next byte.
  var position = 0
  /// Where the header must have ended.
  let limit: Int
  /// Place that is being read, for errors: `key general.name`.
  var place = ""

  /// The most bytes of a header. The largest in the wild, with a vocabulary of 262,144 tokens, has some 20 MB.
  static let headerLimit = 1 << 28

  init(_ file: MappedFile) {
    self.file = file
    limit = min(file.unsafeBytes.count, Self.headerLimit)
  }

  func error(expected: String, found: String, remedy: String = "") -> InputError {
    InputError(
      path: file.path, place: place.isEmpty ? "byte \(position)" : "\(place), byte \(position)", expected: expected,
      found: found, remedy: remedy)
  }

  /// Throws unless `count` more bytes are there.
  func require(_ count: UInt64) throws(InputError) {
    guard count <= limit - position else {
      let isWhole = limit == file.unsafeBytes.count
      throw error(
        expected: "\(count) bytes more",
        found: isWhole ? "\(limit - position) up to the end of the file" : "the limit of \(limit) for a header",
        remedy: isWhole ? "Is it cut off?" : "")
    }
  }

  /// A little-endian number.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(InputError) -> T {
    try require(UInt64(MemoryLayout<T>.size))
    defer { position += MemoryLayout<T>.size }
    return T(littleEndian: file.unsafeBytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  /// A length and as many bytes; moves past both.
  mutating func stringRange() throws(InputError) -> Range<Int> {
    let count = try integer(UInt64.self)
    try require(count)
    defer { position += Int(count) }
    return position..<position + Int(count)
  }

  mutating func string() throws(InputError) -> String {
    let range = try stringRange()
    guard let text = String(validating: file.unsafeBytes[range], as: UTF8.self) else {
      throw error(expected: "text in UTF-8", found: "other bytes")
    }
    return text
  }

  mutating func value() throws(InputError) -> GGUFValue {
    let type = try valueType()
    switch type {
    case .uint8: return .int(Int(try integer(UInt8.self)))
    case .int8: return .int(Int(try integer(Int8.self)))
    case .uint16: return .int(Int(try integer(UInt16.self)))
    case .int16: return .int(Int(try integer(Int16.self)))
    case .uint32: return .int(Int(try integer(UInt32.self)))
    case .int32: return .int(Int(try integer(Int32.self)))
    case .int64: return .int(Int(try integer(Int64.self)))
    case .uint64:
      let value = try integer(UInt64.self)
      guard let int = Int(exactly: value) else { throw error(expected: "at most \(Int.max)", found: "\(value)") }
      return .int(int)
    case .float32: return .double(Double(Float(bitPattern: try integer())))
    case .float64: return .double(Double(bitPattern: try integer()))
    case .bool:
      let byte = try integer(UInt8.self)
      guard byte <= 1 else { throw error(expected: "0 or 1 for a truth value", found: "\(byte)") }
      return .bool(byte == 1)
    case .string: return .string(try string())
    case .array: return .array(try array())
    }
  }

  private mutating func valueType() throws(InputError) -> GGUFValueType {
    let number = try integer(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw error(expected: "a type of value from 0 to 12", found: "\(number)")
    }
    return type
  }

  /// Notes where the elements are, and moves past them.
  private mutating func array() throws(InputError) -> GGUFArray {
    let type = try valueType()
    let count = try integer(UInt64.self)
    let start = position
    if let width = type.byteCount {
      let (bytes, overflow) = count.multipliedReportingOverflow(by: UInt64(width))
      try require(overflow ? .max : bytes)
      position += Int(bytes)
    } else if type == .string {
      try require(count)  // at least; keeps an absurd count from being counted up to
      for _ in 0..<count { _ = try stringRange() }
    } else {
      throw error(expected: "an array of numbers or texts", found: "an array of arrays")
    }
    return GGUFArray(type: type, count: Int(count), range: start..<position, file: file)
  }
}
