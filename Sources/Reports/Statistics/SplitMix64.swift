// SPDX-License-Identifier: Apache-2.0
/// The SplitMix64 generator (Steele, Lea and Flood 2014): small, seeded, the same numbers on every machine.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// An index in `0..<count`.
  ///
  /// The high half of a 128-bit product: off uniform by less than `count` / 2⁶⁴, and easy to redo in other languages,
  /// which the standard library's `random(in:using:)` does not promise to be.
  package mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }
}
