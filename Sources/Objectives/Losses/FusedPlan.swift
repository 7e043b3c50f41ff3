// SPDX-License-Identifier: Apache-2.0
import Torch

/// The same plan for our kernels: in chunks, without `[N, V]`, gradients made in the forward pass.
extension LossPlan {
  /// Whether the kernels know all of it; they know divergences.
  var isFusible: Bool {
    balance == .fixed && distanceLosses.allSatisfy { $0.distanceLoss.divergence == .kullbackLeibler }
  }

  /// The terms of a distance loss follow one another.
  func callAsFunction(_ compute: (FusedLoss) -> FusedLoss.Value) -> LossValue {
    let loss = FusedLoss(
      labels: labels, crossEntropyScale: crossEntropyScale, labelSmoothing: labelSmoothing,
      terms: distanceLosses.flatMap { $0.parts.map(\.term) })
    let value = compute(loss)
    var next = 1
    let values = distanceLosses.map { distanceLoss in
      defer { next += distanceLoss.parts.count }
      return value.sums.narrow(0, next, distanceLoss.parts.count).sum()
    }
    return LossValue(
      total: value.total,
      lossTerms: [LossValue.Term(name: "ce", weight: 1, value: value.sums.select(0, 0))]
        + zip(distanceLosses, values).map { LossValue.Term(name: $0.name, weight: $0.weight, value: $1) })
  }
}
