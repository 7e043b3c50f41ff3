// SPDX-License-Identifier: Apache-2.0
// What a target distribution looks like (equation 4): the digit 5, squared distance, three temperatures.
import MetricTokens
import Objectives

// Ten candidates whose token ids happen to be 48 … 57, as in a byte-level vocabulary.
let digits = try TokenSpace(
  name: "digits", unit: .digit, ids: (48...57).map(Int32.init), values: (0...9).map(Double.init))

for temperature in [1.0, 2.0, 4.0] {
  let target = TargetDistribution(SquaredDistance(), temperature: .value(temperature))
  let p = try target.resolved(over: digits).probabilities(around: 5)
  print("τ = \(temperature)")
  for (digit, probability) in p.enumerated() {
    let bar = String(repeating: "█", count: Int((probability * 60).rounded()))
    print("  \(digit) \(bar) \((probability * 1000).rounded() / 1000)")
  }
}
