/// What a wrong number costs.
public enum NumberCost: Sendable {
  /// (choice − truth)². The best choice is the candidate nearest to the mean.
  case squared
  /// |choice − truth|. The best choice is a median.
  case absolute
  /// The shorter way around a circle.
  case circular(period: Double)
  /// 1 unless choice and truth are equal. The best choice is the mode.
  case discrete
  /// Any other distance, from the choice to the truth.
  case custom(@Sendable (_ choice: Double, _ truth: Double) -> Double)

  /// The cost of a choice.
  public func callAsFunction(_ choice: Double, _ truth: Double) -> Double {
    switch self {
    case .squared: return (choice - truth) * (choice - truth)
    case .absolute: return abs(choice - truth)
    case .circular(let period):
      let around = abs(choice - truth).truncatingRemainder(dividingBy: period)
      return min(around, period - around)
    case .discrete: return choice == truth ? 0 : 1
    case .custom(let cost): return cost(choice, truth)
    }
  }
}

extension NumberDistribution {
  /// Bayes decision: the candidate with the least expected cost, the smallest of several. `argmin_c Σ_v p(v) d(c, v)`.
  ///
  /// - Parameter candidates: what may be chosen; nil means the distribution's own values.
  public func leastExpected(_ cost: NumberCost, among candidates: [Double]? = nil) -> Double {
    let candidates = candidates?.sorted() ?? values
    precondition(!candidates.isEmpty, "a decision needs candidates")
    let costs: [Double]
    switch cost {
    case .squared:
      // E(c − v)² = (c − E v)² + Var v.
      let mean = mean
      costs = candidates.map { cost($0, mean) }
    default:
      costs = candidates.map { candidate in expectation { cost(candidate, $0) } }
    }
    return candidates[costs.indices.min { costs[$0] < costs[$1] } ?? 0]
  }
}

/// Bayes decision among the candidates of a token space, by any table of distances: `argmin_c Σ_v p(v) d(c, v)`.
///
/// - Parameters:
///   - probabilities: of the M candidates; they need not sum to 1.
///   - distances: `distances[c][v]` from choosing c where v is true, M × M.
/// - Returns: the index of the best candidate, the first of several.
public func leastExpectedDistance(_ probabilities: [Double], distances: [[Double]]) -> Int {
  precondition(
    distances.count == probabilities.count && distances.allSatisfy { $0.count == probabilities.count },
    "a table of \(distances.count) rows for \(probabilities.count) candidates")
  let costs = distances.map { row in zip(row, probabilities).reduce(0) { $0 + $1.0 * $1.1 } }
  return costs.indices.min { costs[$0] < costs[$1] } ?? 0
}
