// SPDX-License-Identifier: Apache-2.0
/// The types of a GGUF file's metadata, by number.
enum GGUFValueType: UInt32, Sendable {
  case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// Bytes of one value; nil for texts and arrays, whose lengths are their own.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// A value of a GGUF file's metadata.
public enum GGUFValue: Sendable {
  /// A whole number of any width.
  case int(Int)
  /// A float of any width.
  case double(Double)
  /// A truth value.
  case bool(Bool)
  /// A text.
  case string(String)
  /// A list.
  case array(GGUFArray)

  /// Name of the value in error messages.
  public var summary: String {
    switch self {
    case .int(let value): "number \(value)"
    case .double(let value): "number \(value)"
    case .bool(let value): "\(value)"
    case .string(let value): value.utf8.count <= 40 ? "text \"\(value)\"" : "text \"\(value.prefix(40))…\""
    case .array(let value): "array of \(value.count)"
    }
  }
}

/// A list in a GGUF file's metadata, left in the file until asked for.
public struct GGUFArray: Sendable {
  let type: GGUFValueType
  /// The number of elements.
  public let count: Int
  let range: Range<Int>
  let file: MappedFile

  /// The elements as texts, or nil if they are none. Throws if one is not UTF-8.
  func strings(place: String) throws(InputError) -> [String]? {
    guard type == .string else { return nil }
    var cursor = GGUFCursor(file)
    cursor.position = range.lowerBound
    var strings: [String] = []
    strings.reserveCapacity(count)
    for index in 0..<count {
      cursor.place = "\(place)[\(index)]"
      strings.append(try cursor.string())
    }
    return strings
  }

  /// The elements as whole numbers, or nil if they are none.
  func ints() -> [Int]? {
    switch type {
    case .uint8: load(UInt8.self, Int.init)
    case .int8: load(Int8.self, Int.init)
    case .uint16: load(UInt16.self, Int.init)
    case .int16: load(Int16.self, Int.init)
    case .uint32: load(UInt32.self, Int.init)
    case .int32: load(Int32.self, Int.init)
    case .uint64: load(UInt64.self, Int.init(clamping:))
    case .int64: load(Int64.self, Int.init)
    default: nil
    }
  }

  /// The elements as truth values, or nil if they are none.
  func bools() -> [Bool]? { type == .bool ? load(UInt8.self) { $0 != 0 } : nil }

  /// The elements as floats, or nil if they are none.
  func doubles() -> [Double]? {
    switch type {
    case .float32: load(UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float64: load(UInt64.self, Double.init(bitPattern:))
    default: nil
    }
  }

  private func load<T: FixedWidthInteger, Result>(_ type: T.Type, _ convert: (T) -> Result) -> [Result] {
    (0..<count).map { index in
      let offset = range.lowerBound + index * MemoryLayout<T>.size
      return convert(T(littleEndian: file.unsafeBytes.loadUnaligned(fromByteOffset: offset, as: T.self)))
    }
  }
}
