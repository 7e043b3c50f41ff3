// SPDX-License-Identifier: Apache-2.0
/// Random numbers that depend on a key alone, not on how many were drawn before: the same example in the same epoch
/// draws the same contrastive example however the run is resumed, sharded or accumulated.
///
/// SplitMix64 (Steele, Lea and Flood 2014) over a hash of the key.
public struct CounterGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A stream for this key, for instance seed, epoch, example, number.
  public init(_ key: UInt64...) {
    state = 0
    for part in key { state = Self.mix(state &+ 0x9E37_79B9_7F4A_7C15 &+ Self.mix(part)) }
  }

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// A number of 0 ..< bound, every one as likely to within 2⁻⁶⁴·bound. The standard library's own method may change
  /// between releases; this one may not.
  public mutating func next(below bound: Int) -> Int {
    precondition(bound > 0, "no number below \(bound)")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Some of 0 ..< count in random order, none twice: all of them, if `limit` is `count` (Fisher and Yates from the
  /// front).
  public mutating func draw(_ limit: Int, of count: Int) -> [Int] {
    var order = Array(0..<count)
    for index in 0..<limit { order.swapAt(index, index + next(below: count - index)) }
    return Array(order[..<limit])
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
