// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Which of `count` examples a limited evaluation takes: a random choice that the seed decides, in their own order.
package func subsample(_ count: Int, limit: Int?, seed: UInt64) -> [Int] {
  guard let limit, limit < count else { return Array(0..<count) }
  var generator = CounterGenerator(seed, 0x7375_6273)
  return generator.draw(max(limit, 0), of: count).sorted()
}
