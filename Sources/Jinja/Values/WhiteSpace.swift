// SPDX-License-Identifier: Apache-2.0
/// White space as Python's `str.isspace` and the `\s` of its expressions have it.
enum WhiteSpace {
  /// The bytes of the white space that begins at a position; 0 if none does.
  @inline(__always) static func length(_ bytes: [UInt8], at position: Int) -> Int {
    guard position < bytes.count else { return 0 }
    let first = bytes[position]
    if first < 0x80 { return isSpace(first) ? 1 : 0 }
    guard position + 1 < bytes.count else { return 0 }
    let second = bytes[position + 1]
    if first == 0xC2 { return second == 0x85 || second == 0xA0 ? 2 : 0 }
    guard first >= 0xE1, first <= 0xE3, position + 2 < bytes.count else { return 0 }
    let third = bytes[position + 2]
    switch (first, second) {
    case (0xE1, 0x9A), (0xE3, 0x80): return third == 0x80 ? 3 : 0
    case (0xE2, 0x80): return third <= 0x8A || third == 0xA8 || third == 0xA9 || third == 0xAF ? 3 : 0
    case (0xE2, 0x81): return third == 0x9F ? 3 : 0
    default: return 0
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 9...13 ~= byte || 28...31 ~= byte }

  /// The first position from `position` on that is no white space.
  static func end(_ bytes: [UInt8], from position: Int) -> Int {
    var position = position
    while case let length = length(bytes, at: position), length > 0 { position += length }
    return position
  }

  /// Where the white space begins that ends at `position`; not before `start`.
  static func start(_ bytes: [UInt8], before position: Int, from start: Int) -> Int {
    var position = position
    while position > start {
      var before = position - 1
      while before > start, bytes[before] & 0xC0 == 0x80 { before -= 1 }
      guard length(bytes, at: before) == position - before else { return position }
      position = before
    }
    return position
  }
}
