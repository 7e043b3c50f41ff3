// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch

/// Random states and labels of a loss, some labels digits; peers/positions.py makes the same from the same seed.
struct Positions {
  let supervision: Supervision
  let objective: Objective
  var denominators: Denominators { objective.denominators(of: [supervision]) }

  /// - Parameters:
  ///   - labels: `[N]`, random; those of the metric positions are replaced by digits.
  ///   - every: one position in so many is metric; 0 for none.
  ///   - candidates: M, token ids 100 …
  init(labels: Tensor, every: Int, candidates: Int) throws {
    var labels = labels.array(of: Int64.self).map { Int32($0) }, metrics: [MetricTarget] = []
    for logitRow in labels.indices where every > 0 && logitRow.isMultiple(of: every) {
      let ordinal = logitRow / every, rank = 1 + ordinal % 4
      labels[logitRow] = Int32(100 + ordinal % candidates)
      metrics.append(
        MetricTarget(
          logitRow: logitRow, candidate: ordinal % candidates,
          place: PlaceValue(rankInNumber: rank, rankInRun: rank, exponent: rank - 1)))
    }
    supervision = Supervision(logitRows: labels.indices.map { Int32($0) }, labels: labels, metrics: metrics)
    let space = try TokenSpace(
      name: "numbers", unit: .token, ids: (0..<Int32(candidates)).map { 100 + $0 },
      values: (0..<candidates).map { Double($0) })
    objective = try distances(over: space)
  }
}

/// Cross entropy + 0.1 · squared distance at τ = 2 with weights by place.
func distances(over space: TokenSpace) throws -> Objective {
  let target = TargetDistribution(.squared, temperature: .value(2))
  return try Objective.crossEntropy + 0.1 * DistanceLoss(space, target: target, place: .number)
}
