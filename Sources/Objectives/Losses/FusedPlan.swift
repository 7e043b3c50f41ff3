import Torch

/// The same plan for our kernels: in chunks, without `[N, V]`, gradients made in the forward pass.
extension LossPlan {
  /// Whether the kernels know all of it; they know divergences.
  var isFusible: Bool { matches.allSatisfy { $0.measure == .divergence } }

  /// The plan as plain tables; the terms of a match follow one another.
  func callAsFunction(_ compute: (FusedLoss) -> FusedLoss.Value) -> LossValue {
    let loss = FusedLoss(
      labels: labels, crossEntropyScale: crossEntropyScale, labelSmoothing: labelSmoothing,
      terms: matches.flatMap { match in match.rows.map { CandidateTerm(match, $0) } })
    let value = compute(loss)
    var next = 1
    let values = matches.map { match in
      defer { next += match.rows.count }
      return value.sums.narrow(0, next, match.rows.count).sum()
    }
    return LossValue(
      total: value.total,
      summands: [LossValue.Summand(name: "ce", weight: 1, value: value.sums.select(0, 0))]
        + zip(matches, values).map { LossValue.Summand(name: $0.name, weight: $0.weight, value: $1) })
  }
}

extension CandidateTerm {
  fileprivate init(_ match: LossPlan.Match, _ rows: LossPlan.Rows) {
    self.init(
      coefficient: match.weight, candidates: rows.candidates, overVocabulary: match.softmax == .vocabulary,
      isReversed: match.direction == .reverse, rows: rows.queries, weights: rows.weights, targets: rows.targets,
      table: rows.table.fused, extraTokens: rows.extra?.tokens ?? [],
      extraRows: rows.extra.map { $0.isTwoPass ? $0.queries : [] } ?? [])
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
