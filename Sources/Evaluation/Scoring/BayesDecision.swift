// SPDX-License-Identifier: Apache-2.0
/// Cost of a number that is not quite right.
public enum NumberCost: Sendable {
  /// (truth − choice)². The best choice is the candidate nearest to the mean.
  case squared
  /// |truth − choice|. The best choice is a median.
  case absolute
  /// Any other distance: `.distance(metric.distance(from:to:))` is the one that a model was trained with.
  case distance(@Sendable (_ truth: Double, _ choice: Double) -> Double)

  /// The cost of a choice.
  public func callAsFunction(from truth: Double, to choice: Double) -> Double {
    switch self {
    case .squared: (truth - choice) * (truth - choice)
    case .absolute: abs(truth - choice)
    case .distance(let distance): distance(truth, choice)
    }
  }
}

extension NumberDistribution {
  /// Bayes decision `argmin_c Σ_v p(v) d(v, c)`: the candidate with the least expected cost, the smallest of several.
  ///
  /// - Parameter candidates: what may be chosen; nil means the distribution's own values.
  public func leastExpected(_ cost: NumberCost, among candidates: [Double]? = nil) -> Double {
    let candidates = candidates?.sorted() ?? values
    precondition(!candidates.isEmpty, "a decision needs candidates")
    let costs: [Double]
    if case .squared = cost {
      // E(v − c)² = (E v − c)² + Var v, and the variance is the same for all.
      let mean = mean
      costs = candidates.map { cost(from: mean, to: $0) }
    } else {
      costs = candidates.map { candidate in expectation { cost(from: $0, to: candidate) } }
    }
    return candidates[costs.indices.min { costs[$0] < costs[$1] } ?? 0]
  }
}

/// Bayes decision among the candidates of a token space, by any table of distances: `argmin_c Σ_v p(v) d(v, c)`.
///
/// - Parameters:
///   - probabilities: of the M candidates; they need not sum to 1.
///   - distances: `distances[v][c]` from the true candidate v to the choice c, M × M: the rows of a `Distance`.
/// - Returns: the index of the best candidate, the first of several.
public func leastExpectedDistance(_ probabilities: [Double], distances: [[Double]]) -> Int {
  let count = probabilities.count
  precondition(
    distances.count == count && distances.allSatisfy { $0.count == count },
    "a table of \(distances.count) rows for \(count) candidates")
  let costs = (0..<count).map { choice in
    zip(probabilities, distances).reduce(0) { $0 + $1.0 * $1.1[choice] }
  }
  return costs.indices.min { costs[$0] < costs[$1] } ?? 0
}
