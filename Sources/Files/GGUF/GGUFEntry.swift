// SPDX-License-Identifier: Apache-2.0
/// A value of a GGUF file's metadata as it is to be written: readers such as llama.cpp demand the width they expect.
public enum GGUFEntry: Sendable, Hashable {
  /// A whole number of 32 bits without sign: sizes, ids of tokens.
  case uint32(UInt32)
  /// A number of 32 bits.
  case float32(Float)
  /// A truth value.
  case bool(Bool)
  /// A text.
  case string(String)
  /// A list of texts.
  case strings([String])
  /// A list of whole numbers of 32 bits.
  case int32s([Int32])
  /// A list of numbers of 32 bits.
  case float32s([Float])
  /// A list of truth values.
  case bools([Bool])

  /// A whole number as files hold it.
  ///
  /// - Precondition: it is not below 0, and fits 32 bits.
  public static func count(_ number: Int) -> GGUFEntry {
    guard let number = UInt32(exactly: number) else { preconditionFailure("\(number) does not fit 32 bits") }
    return .uint32(number)
  }

  private var type: GGUFValueType {
    switch self {
    case .uint32: .uint32
    case .float32: .float32
    case .bool: .bool
    case .string: .string
    case .strings, .int32s, .float32s, .bools: .array
    }
  }

  /// Adds its type and its value.
  func append(to bytes: inout GGUFHeaderBytes) {
    bytes.append(type.rawValue)
    switch self {
    case .uint32(let value): bytes.append(value)
    case .float32(let value): bytes.append(value.bitPattern)
    case .bool(let value): bytes.append(value ? 1 as UInt8 : 0)
    case .string(let value): bytes.append(value)
    case .strings(let values): list(.string, values.count, &bytes) { for value in values { $0.append(value) } }
    case .int32s(let values): list(.int32, values.count, &bytes) { for value in values { $0.append(value) } }
    case .float32s(let values):
      list(.float32, values.count, &bytes) { for value in values { $0.append(value.bitPattern) } }
    case .bools(let values):
      list(.bool, values.count, &bytes) { for value in values { $0.append(value ? 1 as UInt8 : 0) } }
    }
  }

  private func list(
    _ type: GGUFValueType, _ count: Int, _ bytes: inout GGUFHeaderBytes, _ elements: (inout GGUFHeaderBytes) -> Void
  ) {
    bytes.append(type.rawValue)
    bytes.append(UInt64(count))
    elements(&bytes)
  }
}

/// The bytes of a header, little-endian, as they are put together.
struct GGUFHeaderBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Length and UTF-8.
  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  /// Zeros up to a multiple of the alignment.
  mutating func pad(to alignment: Int) {
    bytes.append(contentsOf: repeatElement(0, count: (alignment - bytes.count % alignment) % alignment))
  }
}
