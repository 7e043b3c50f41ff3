// SPDX-License-Identifier: Apache-2.0
/// A message of protobuf's wire format, field by field, in the order of the field numbers.
///
/// What TensorBoard's events need: generated code for them takes a tenth of a clean build. Source:
/// https://protobuf.dev/programming-guides/encoding. As proto3 has it, a field that holds its default is left out unless
/// it is a member of a `oneof`: callers of ``add(_:member:)`` mean one.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }

  /// A whole number.
  mutating func add(_ field: Int, _ value: Int) {
    guard value != 0 else { return }
    begin(field, .varint)
    append(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ value: Double) {
    guard value.bitPattern != 0 else { return }
    begin(field, .fixed64)
    append(value.bitPattern)
  }

  /// A member of a `oneof`, which is written whatever its value.
  mutating func add(_ field: Int, member value: Float) {
    begin(field, .fixed32)
    append(value.bitPattern)
  }

  /// A string, or bytes.
  mutating func add(_ field: Int, _ value: some Collection<UInt8>) {
    begin(field, .lengthDelimited)
    append(varint: UInt64(value.count))
    bytes += value
  }

  mutating func add(_ field: Int, _ message: ProtobufMessage) { add(field, message.bytes) }

  /// A repeated field of numbers, packed.
  mutating func add(_ field: Int, packed values: [Double]) {
    guard !values.isEmpty else { return }
    begin(field, .lengthDelimited)
    append(varint: UInt64(8 * values.count))
    for value in values { append(value.bitPattern) }
  }

  /// A message from a closure that adds its fields.
  static func with(_ fill: (inout ProtobufMessage) -> Void) -> ProtobufMessage {
    var message = ProtobufMessage()
    fill(&message)
    return message
  }

  private mutating func begin(_ field: Int, _ type: WireType) { append(varint: UInt64(field) << 3 | type.rawValue) }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
