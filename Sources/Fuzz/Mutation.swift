// SPDX-License-Identifier: Apache-2.0
/// Changes valid input the way damage and malice do, the same for the same seed.
struct Mutation {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  /// A number of 0 ..< bound (SplitMix64).
  mutating func draw(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) >> 1) % max(bound, 1)
  }

  /// Numbers that are at the edge of something.
  private static let extremes = [
    "0", "-1", "1e400", "1e-400", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4294967295",
    "2147483648", "1e18", "NaN", "null", "[]", "{}", "\"\"", "true", "0.5", "1000000000",
  ].map { Array($0.utf8) }

  /// Up to four changes.
  mutating func changed(_ input: [UInt8]) -> [UInt8] {
    var bytes = input
    for _ in 0...draw(4) { change(&bytes) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return bytes.append(UInt8(draw(256))) }
    let place = draw(bytes.count)
    switch draw(10) {
    case 0: bytes[place] ^= 1 << UInt8(draw(8))
    case 1: bytes[place] = UInt8(draw(256))
    case 2: bytes.removeSubrange(place...)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + draw(16)))
    case 4: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + draw(64))], at: draw(bytes.count))
    case 5, 6: replaceNumber(near: place, &bytes)
    case 7: setInteger(at: place, &bytes)
    case 8: nest(at: place, &bytes)
    default:
      // One byte over and over.
      let run = [UInt8](repeating: bytes[place], count: 1 << draw(15))
      bytes.insert(contentsOf: run, at: place)
    }
  }

  /// Text: the next run of digits becomes another number.
  private mutating func replaceNumber(near place: Int, _ bytes: inout [UInt8]) {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
    let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: Self.extremes[draw(Self.extremes.count)])
  }

  /// Binary: 4 or 8 bytes become a number at an edge, little-endian.
  private mutating func setInteger(at place: Int, _ bytes: inout [UInt8]) {
    let values: [UInt64] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62, 1 << 63, .max]
    let value = values[draw(values.count)], width = draw(2) == 0 ? 4 : 8
    for index in 0..<width where place + index < bytes.count {
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  private mutating func nest(at place: Int, _ bytes: inout [UInt8]) {
    let openings = ["[", "{\"a\":", "(", "- ", "? ", "{", "(?:", "[["]
    let text = Array(String(repeating: openings[draw(openings.count)], count: 1 << draw(16)).utf8)
    bytes.insert(contentsOf: text, at: place)
  }
}
