// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Reports

extension PaperClaim {
  /// Targets around candidates 0 … 40 of single tokens, squared distance.
  private static func target(_ temperature: Double) throws -> ResolvedTarget {
    let space = try TokenSpace(name: "0 … 40", ids: Array(0...40), values: (0...40).map(Double.init))
    return try DistanceLoss(
      space, target: TargetDistribution(.squared, temperature: .value(temperature)), name: "claim"
    ).resolved
  }

  private static let temperatures = [0.5, 2, 8, 32]

  /// K2: E[−d] + τ·H is τ ln Z at p_d, and less at every other distribution tried.
  static func closedForm() throws -> JudgedClaim {
    var farthest = 0.0, least = Double.infinity, generator = CounterGenerator(2)
    for tau in temperatures {
      let target = try target(tau)
      for x in [0, 7, 20, 40] {
        let d = (0...40).map { target.distance(from: x, to: $0) }, p = target.probabilities(around: x)
        func value(_ p: [Double]) -> Double {
          zip(p, d).reduce(0) { $0 + ($1.0 > 0 ? -$1.0 * $1.1 - tau * $1.0 * log($1.0) : 0) }
        }
        let z = d.reduce(0) { $0 + exp(-$1 / tau) }
        farthest = max(farthest, abs(value(p) - tau * log(z)))
        for _ in 0..<200 {
          let noise = p.map { $0 * exp(Double(generator.next(below: 2001) - 1000) / 1000) }, sum = noise.reduce(0, +)
          least = min(least, value(p) - value(noise.map { $0 / sum }))
        }
      }
    }
    return judged(
      "K2", farthest < 1e-9 && least >= -1e-12,
      "E[−d] + τ·H differs from τ ln Z by at most \(number(farthest)) at p_d, for 16 targets; 3,200 other distributions "
        + "have at least \(number(least)) less.")
  }

  /// K3: entropy rises with τ.
  static func sharper() throws -> JudgedClaim {
    let entropies = try [0.1, 0.5, 2, 8, 32, 128].map { try log(target($0).perplexity(around: [20])) }
    return judged(
      "K3", zip(entropies, entropies.dropFirst()).allSatisfy { $0 < $1 },
      "Entropy around 20 for τ = 0.1, 0.5, 2, 8, 32, 128: \(entropies.map(number).joined(separator: ", ")) nats.")
  }

  /// K4: p_d is exp(−(v − x)²/2σ²) over its sum, σ² = τ/2.
  static func discreteNormal() throws -> JudgedClaim {
    var farthest = 0.0
    for tau in temperatures {
      let target = try target(tau), variance = tau / 2
      for x in [0, 7, 20, 40] {
        let weights = (0...40).map { exp(-pow(Double($0 - x), 2) / (2 * variance)) }, sum = weights.reduce(0, +)
        farthest = zip(target.probabilities(around: x), weights).reduce(farthest) { max($0, abs($1.0 - $1.1 / sum)) }
      }
    }
    return judged("K4", farthest < 1e-12, "The largest difference of a probability is \(number(farthest)).")
  }

  /// K5: total variation from one-hot, falling to 0 with τ, and not near it at the τ in use.
  static func oneHot() throws -> JudgedClaim {
    let rest = try [2, 0.5, 0.1, 0.02].map { 1 - (try target($0).probabilities(around: 20))[20] }
    return judged(
      "K5", rest[0] > 0.1 && rest[3] < 1e-12,
      "Probability off the right token for τ = 2, 0.5, 0.1, 0.02: \(rest.map(number).joined(separator: ", ")). One-hot is "
        + "the limit τ → 0; at the τ in use it is not.")
  }

  private static func judged(_ id: String, _ holds: Bool, _ finding: String) -> JudgedClaim {
    let text = all.first { $0.id == id }?.text ?? ""
    return JudgedClaim(id: id, claim: text, finding: finding, conclusion: holds ? .better : .worse)
  }

  private static func number(_ value: Double) -> String { String(format: "%.3g", value) }
}
