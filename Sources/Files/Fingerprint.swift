// SPDX-License-Identifier: Apache-2.0

extension UInt64 {
  /// The beginning of every fingerprint.
  package static let fingerprintStart: UInt64 = 0xCBF2_9CE4_8422_2325

  /// Takes another word into a hash.
  package mutating func mix(_ word: UInt64) {
    self ^= word
    self = (self ^ self >> 30) &* 0xBF58_476D_1CE4_E5B9
    self = (self ^ self >> 27) &* 0x94D0_49BB_1331_11EB
    self ^= self >> 31
  }

  /// A number that changes with any byte: the order of a resumed run's examples means nothing if its file did.
  ///
  /// As FNV-1a, but over words of eight bytes. Multiplication carries a change only upwards, so the high half is folded
  /// into the low one before: else changes at the ends of two words cancel each other.
  package init(fingerprintOf bytes: UnsafeRawBufferPointer) {
    self = Self.fingerprintStart
    let words = bytes.count / 8
    for word in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
    for byte in bytes[(words * 8)...] { mix(UInt64(byte)) }
  }
}
