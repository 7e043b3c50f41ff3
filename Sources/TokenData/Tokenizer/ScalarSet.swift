// SPDX-License-Identifier: Apache-2.0
/// A set of scalars, as a class of a regular expression names it.
struct ScalarSet: Sendable {
  /// General categories, as bits of `ScalarClass.category`.
  var categories: UInt32 = 0
  /// Whether it holds all white space, all word characters, all Han characters.
  var hasSpace = false
  var hasWord = false
  var hasHan = false
  var ranges: [ClosedRange<UInt32>] = []
  /// Sets inside this one, each with its own negation.
  var members: [ScalarSet] = []
  var isNegated = false
  /// The answer for ASCII, filled by `prepare`.
  private var ascii: (UInt64, UInt64) = (0, 0)

  init() {}

  init(_ range: ClosedRange<UInt32>) { ranges = [range] }

  init(categories: UInt32) { self.categories = categories }

  /// Computes the answers for ASCII once the set is complete.
  mutating func prepare(_ classes: UnicodeClasses) {
    for scalar in 0..<UInt32(64) {
      if search(scalar, classes) { ascii.0 |= 1 << UInt64(scalar) }
      if search(scalar + 64, classes) { ascii.1 |= 1 << UInt64(scalar) }
    }
  }

  @inline(__always) func contains(_ scalar: UInt32, _ classes: UnicodeClasses) -> Bool {
    if scalar < 64 { return ascii.0 >> UInt64(scalar) & 1 != 0 }
    if scalar < 128 { return ascii.1 >> UInt64(scalar - 64) & 1 != 0 }
    return search(scalar, classes)
  }

  private func search(_ scalar: UInt32, _ classes: UnicodeClasses) -> Bool {
    let known = classes[scalar]
    let isIn =
      known.category & categories != 0 || hasSpace && known.isSpace || hasWord && known.isWord
      || hasHan && known.isHan || ranges.contains { $0.contains(scalar) }
      || members.contains { $0.search(scalar, classes) }
    return isIn != isNegated
  }
}

extension ScalarSet {
  /// The only scalar of a set made of one.
  var single: UInt32? {
    guard ranges.count == 1, ranges[0].count == 1, categories == 0, members.isEmpty, !hasSpace, !hasWord, !hasHan
    else { return nil }
    return ranges[0].lowerBound
  }
}
