// SPDX-License-Identifier: Apache-2.0
import Torch

/// The same plan for our kernels: in chunks, without `[N, V]`, gradients made in the forward pass.
extension LossPlan {
  /// Whether the kernels know all of it; they know divergences.
  var isFusible: Bool { distanceLosses.allSatisfy { $0.divergence == .kullbackLeibler } }

  /// The plan as plain tables; the terms of a distance loss follow one another.
  func callAsFunction(_ compute: (FusedLoss) -> FusedLoss.Value) -> LossValue {
    let loss = FusedLoss(
      labels: labels, crossEntropyScale: crossEntropyScale, labelSmoothing: labelSmoothing,
      terms: distanceLosses.flatMap { distanceLoss in distanceLoss.rows.map { CandidateTerm(distanceLoss, $0) } })
    let value = compute(loss)
    var next = 1
    let values = distanceLosses.map { distanceLoss in
      defer { next += distanceLoss.rows.count }
      return value.sums.narrow(0, next, distanceLoss.rows.count).sum()
    }
    return LossValue(
      total: value.total,
      lossTerms: [LossValue.Term(name: "ce", weight: 1, value: value.sums.select(0, 0))]
        + zip(distanceLosses, values).map { LossValue.Term(name: $0.name, weight: $0.weight, value: $1) })
  }
}

extension CandidateTerm {
  fileprivate init(_ distanceLoss: LossPlan.DistanceTerm, _ rows: LossPlan.Rows) {
    self.init(
      coefficient: distanceLoss.weight, candidates: rows.candidates,
      overVocabulary: distanceLoss.softmax == .vocabulary,
      isReversed: distanceLoss.direction == .reverse, rows: rows.logitRows, weights: rows.weights,
      targets: rows.targets,
      table: rows.table.fused, contrastiveTokens: rows.contrastive?.tokens ?? [],
      contrastiveRows: rows.contrastive.map { $0.isTwoPass ? $0.logitRows : [] } ?? [])
  }
}

extension LossPlan.Targets {
  fileprivate var fused: CandidateTerm.Targets {
    switch self {
    case .rows(let p, let logP): .rows(p: p, logP: logP)
    case .vectors(let vectors, let sharpness, _): .vectors(vectors, sharpness: sharpness)
    }
  }
}
