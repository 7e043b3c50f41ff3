// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Which values go on from a number's beginning, by the next character.
struct PrefixChildren: Sendable {
  /// Stretches of indices for the digits 0 … 9; nil where no number goes on so.
  let digits: [[ClosedRange<Int>]?]
  /// The same for the decimal point and the minus sign.
  let point, minus: [ClosedRange<Int>]?
  /// The value that ends here.
  let end: Int?

  private init(_ prefix: NumberPrefix) {
    digits = (0...9).map { prefix.appending(.digit($0))?.indices }
    point = prefix.appending(.point)?.indices
    minus = prefix.appending(.minus)?.indices
    end = prefix.index
  }

  // They depend on the format alone, and the same beginnings come again with every example.
  private static let known = Mutex<[NumberPrefix: PrefixChildren]>([:])
  private static let mostKnown = 1 << 16

  static func of(_ prefix: NumberPrefix) -> PrefixChildren {
    if let found = known.withLock({ $0[prefix] }) { return found }
    let made = PrefixChildren(prefix)
    known.withLock { if $0.count < mostKnown { $0[prefix] = made } }
    return made
  }
}
