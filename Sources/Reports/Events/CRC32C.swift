// SPDX-License-Identifier: Apache-2.0
/// The Castagnoli cyclic redundancy check (RFC 3720, section B.4), which TFRecord files carry.
package enum CRC32C {
  /// The remainder of each byte by the reflected polynomial.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
  }

  /// The check of `bytes`.
  package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in (crc >> 8) ^ table[Int((crc ^ UInt32(byte)) & 0xFF)] }
  }

  /// The check as TFRecord stores it: rotated and shifted, so that data with a check inside can be checked again.
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let crc = checksum(bytes)
    return ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
  }
}

/// `data` as one TFRecord: its length, the check of that, itself, its check; little-endian.
package func tfRecord(_ data: [UInt8]) -> [UInt8] {
  func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  let length = bytes(UInt64(data.count))
  return length + bytes(CRC32C.masked(length)) + data + bytes(CRC32C.masked(data))
}
