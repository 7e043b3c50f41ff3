// SPDX-License-Identifier: Apache-2.0
/// Unicode normalisation forms with the bookkeeping of the tokenizers package: each scalar of the result says how it
/// stands to those of the source.
struct CanonicalText {
  /// A scalar of the result: 0 = it replaces one scalar of the source, 1 = it is new, −n = it replaces one and the n
  /// scalars after that are gone.
  typealias Change = (scalar: UInt32, change: Int)

  private var canonical: [UInt32: [UInt32]] = [:]
  private var compatible: [UInt32: [UInt32]] = [:]
  private var compositions: [UInt64: UInt32] = [:]
  private var ranks: [UInt32: UInt8] = [:]

  static let shared = CanonicalText()

  private init() {
    var reader = Base32Reader(UnicodeNormalizationTables.ranks)
    var start: UInt32 = 0
    while let gap = reader.next() {
      start += UInt32(gap)
      let count = UInt32(reader.next()!)
      let rank = UInt8(reader.next()!)
      for scalar in start..<start + count { ranks[scalar] = rank }
    }
    var composing: [UInt32] = []
    canonical = Self.decompositions(UnicodeNormalizationTables.canonical, composing: &composing)
    var none: [UInt32] = []
    compatible = Self.decompositions(UnicodeNormalizationTables.compatible, composing: &none)
    // A full decomposition a b c composes step by step, so the pairs of shorter ones must be known first.
    for scalar in composing.sorted(by: { canonical[$0]!.count < canonical[$1]!.count }) {
      let parts = canonical[scalar]!
      let first = parts.dropLast().dropFirst().reduce(parts[0]) { compositions[Self.pair($0, $1)]! }
      compositions[Self.pair(first, parts.last!)] = scalar
    }
  }

  private static func pair(_ a: UInt32, _ b: UInt32) -> UInt64 { UInt64(a) << 32 | UInt64(b) }

  private static func decompositions(_ table: StaticString, composing: inout [UInt32]) -> [UInt32: [UInt32]] {
    var result: [UInt32: [UInt32]] = [:]
    var reader = Base32Reader(table)
    var scalar = 0
    while let gap = reader.next() {
      scalar += gap
      let head = reader.next()!
      result[UInt32(scalar)] = (0..<head / 2).map { _ in
        let zigzag = reader.next()!
        return UInt32(scalar + (zigzag & 1 == 0 ? zigzag / 2 : -(zigzag + 1) / 2))
      }
      if head & 1 == 1 { composing.append(UInt32(scalar)) }
    }
    return result
  }

  // MARK: Decomposition

  /// NFD, or NFKD with `compatibility`.
  func decomposed(_ source: [UInt32], compatibility: Bool) -> [Change] {
    var result: [Change] = []
    result.reserveCapacity(source.count)
    var pending: [(rank: UInt8, change: Change)] = []  // marks since the last starter
    func flush() {
      // By rank, equal ranks in the order they came.
      for rank in pending.count == 1 ? [pending[0].rank] : Set(pending.map(\.rank)).sorted() {
        for item in pending where item.rank == rank { result.append(item.change) }
      }
      pending.removeAll(keepingCapacity: true)
    }
    func append(_ scalar: UInt32, _ change: Int) {
      if let rank = scalar < 0x300 ? nil : ranks[scalar] {
        pending.append((rank, (scalar, change)))
      } else {
        if !pending.isEmpty { flush() }
        result.append((scalar, change))
      }
    }
    for scalar in source {
      if scalar < 0x80 {
        append(scalar, 0)
      } else if case let syllable = scalar &- 0xAC00, syllable < 11172 {
        append(0x1100 + syllable / 588, 0)
        append(0x1161 + syllable % 588 / 28, 1)
        if syllable % 28 > 0 { append(0x11A7 + syllable % 28, 1) }
      } else if let parts = (compatibility ? compatible[scalar] : nil) ?? canonical[scalar] {
        for (index, part) in parts.enumerated() { append(part, index == 0 ? 0 : 1) }
      } else {
        append(scalar, 0)
      }
    }
    flush()
    return result
  }

  // MARK: Composition

  /// NFC, or NFKC with `compatibility`.
  func composed(_ source: [UInt32], compatibility: Bool) -> [Change] {
    var result: [Change] = []
    result.reserveCapacity(source.count)
    var starter: Int?
    var last: UInt8?  // rank of the last mark that stays behind the starter
    for (scalar, change) in decomposed(source, compatibility: compatibility) {
      let rank = scalar < 0x300 ? 0 : ranks[scalar] ?? 0
      if let starter, last == nil || last! < rank, let joined = compose(result[starter].scalar, scalar) {
        result[starter] = (joined, result[starter].change + change - 1)
        continue
      }
      result.append((scalar, change))
      if rank == 0 {
        starter = result.count - 1
        last = nil
      } else {
        last = rank
      }
    }
    return result
  }

  private func compose(_ a: UInt32, _ b: UInt32) -> UInt32? {
    if a < 0x80, b < 0x80 { return nil }
    if case let lead = a &- 0x1100, lead < 19, case let vowel = b &- 0x1161, vowel < 21 {
      return 0xAC00 + (lead * 21 + vowel) * 28
    }
    if case let syllable = a &- 0xAC00, syllable < 11172, syllable % 28 == 0, case let tail = b &- 0x11A7, 0 < tail,
      tail < 28
    {
      return a + tail
    }
    return compositions[Self.pair(a, b)]
  }
}
