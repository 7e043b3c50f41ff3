// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Denominators of a step: N and Σw (of ratings and pairs N alone), counted over all its micro-batches
/// and processes.
///
/// Taken from plain supervisions before any forward pass, so that accumulating or sharding a batch cannot change a
/// result. Denominators of parts add up to those of the whole; `values` is what processes exchange.
public struct Denominators: Sendable, Hashable {
  /// Number N of supervised tokens, of pairs, or of numbers that are given.
  public var supervised: Double
  /// Σ w over the metric tokens of each term.
  public var weights: [Double]

  /// Memberwise.
  public init(supervised: Double, weights: [Double]) {
    self.supervised = supervised
    self.weights = weights
  }

  /// N, then Σw of each term.
  public init(values: [Double]) { self.init(supervised: values.first ?? 0, weights: Array(values.dropFirst())) }

  /// N, then Σw of each term: what is summed over processes.
  public var values: [Double] { [supervised] + weights }

  /// Those of two parts together.
  public static func + (a: Denominators, b: Denominators) -> Denominators {
    precondition(a.weights.count == b.weights.count, "denominators of different objectives")
    return Denominators(supervised: a.supervised + b.supervised, weights: zip(a.weights, b.weights).map(+))
  }
}

extension Objective {
  /// Denominator of each term: with means Σw over the tokens of all metrics, those of its own as this
  /// term weighs them. Several terms of one metric measure the same tokens, which count once.
  func distanceDenominators(_ denominators: Denominators) -> [Double] {
    precondition(
      denominators.weights.count == terms.count, "\(denominators.weights.count) weights for \(terms.count) terms")
    switch reduction {
    case .literalSums: return terms.map { _ in 1 }
    case .meansPerMetric: return denominators.weights
    case .means:
      let weighed = zip(terms.map(\.metric), denominators.weights)
      let first = Dictionary(weighed, uniquingKeysWith: { first, _ in first })
      return weighed.map { metric, own in
        // In the terms' order, so that equal runs add up to equal bits.
        let others = terms.map(\.metric).reduce(into: [Int?]()) { if $1 != metric, !$0.contains($1) { $0.append($1) } }
        return others.reduce(own) { $0 + (first[$1] ?? 0) }
      }
    }
  }

  /// N and Σw of a whole step. Tokens whose cross entropy a target replaces count in N: a batch with a single token
  /// that keeps it would weigh that token like all others together. From the supervisions of all its micro-batches.
  public func denominators(of step: [Supervision]) -> Denominators {
    let none = Denominators(supervised: 0, weights: terms.map { _ in 0 })
    return step.reduce(none) { sum, supervision in
      let weights = terms.map { term in
        term.positions(in: supervision).reduce(0) { $0 + term.distanceLoss.place.weight(of: $1.place) }
      }
      return sum + Denominators(supervised: Double(supervision.labels.count), weights: weights)
    }
  }
}
