// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Distribution of a model over a number: finitely many values and their probabilities.
public struct NumberDistribution: Sendable, Hashable, Codable {
  /// The values, ascending, each once.
  public let values: [Double]
  /// Their probabilities. They sum to 1.
  public let probabilities: [Double]
  /// How probable it was that the model says any of these values at all; the probabilities were divided by it.
  public let coverage: Double
  /// Whether all answers were counted; false if a beam dropped some, which then lack in `coverage`.
  public let isExact: Bool
  /// How probable the beginnings are that a beam dropped: at most so much lacks in `coverage` because of it.
  public let cut: Double

  /// From probabilities that need not sum to 1. Equal values are put together.
  public init(values: [Double], probabilities: [Double], isExact: Bool = true, cut: Double = 0) {
    self.init(values: values, logProbabilities: probabilities.map(log), isExact: isExact, cut: cut)
  }

  /// From natural logarithms of probabilities, however small.
  public init(values: [Double], logProbabilities: [Double], isExact: Bool = true, cut: Double = 0) {
    precondition(
      values.count == logProbabilities.count, "\(values.count) values, \(logProbabilities.count) probabilities")
    let greatest = logProbabilities.max() ?? -.infinity
    precondition(greatest.isFinite && values.allSatisfy(\.isFinite), "no value with a finite probability")
    var mass = [Double: Double]()
    for (value, log) in zip(values, logProbabilities) { mass[value, default: 0] += exp(log - greatest) }
    self.values = mass.keys.sorted()
    let masses = self.values.map { mass[$0] ?? 0 }, sum = masses.reduce(0, +)
    probabilities = masses.map { $0 / sum }
    coverage = exp(greatest) * sum
    self.isExact = isExact
    self.cut = cut
  }

  /// Σ v p(v).
  public var mean: Double { expectation { $0 } }

  /// Σ (v − mean)² p(v).
  public var variance: Double {
    let mean = mean
    return expectation { ($0 - mean) * ($0 - mean) }
  }

  /// The most probable value, the least of several.
  public var mode: Double { values[probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0] }

  /// The least value with at least half of the mass at or below it.
  public var median: Double { quantile(0.5) }

  /// The least value with at least this share of the mass at or below it.
  public func quantile(_ share: Double) -> Double {
    precondition((0...1).contains(share), "quantile \(share) outside 0...1")
    var sum = 0.0
    for (value, probability) in zip(values, probabilities) where probability > 0 {
      sum += probability
      // Sums of rounded probabilities may miss a share that they reach.
      if sum >= share - 1e-12 { return value }
    }
    return values[values.count - 1]
  }

  /// The central interval that holds at least this share of the mass: its ends are quantiles.
  public func interval(_ share: Double) -> ClosedRange<Double> {
    quantile((1 - share) / 2)...quantile((1 + share) / 2)
  }

  /// Continuous ranked probability score ∫ (F(x) − 1{x ≥ y})² dx = E|X − y| − ½ E|X − X′| (Gneiting and Raftery 2007,
  /// equations 20 and 21): the absolute error of a point forecast, made a proper score of distributions. In the values'
  /// own unit; 0 is best.
  public func crps(_ truth: Double) -> Double {
    var score = 0.0, sum = 0.0
    for (index, value) in values.enumerated() {
      sum += probabilities[index]
      if index == 0 { score += max(0, value - truth) }  // below all values F is 0
      let end = index + 1 < values.count ? values[index + 1] : max(value, truth)
      let split = min(max(truth, value), end)
      score += sum * sum * (split - value) + (1 - sum) * (1 - sum) * (end - split)
    }
    return score
  }

  /// P(v < truth) + ½ P(v = truth), 0 … 1.
  public func pit(_ truth: Double) -> Double {
    let sum = zip(values, probabilities).reduce(0) { $0 + ($1.0 < truth ? $1.1 : $1.0 == truth ? $1.1 / 2 : 0) }
    return min(1, sum)
  }

  /// Σ f(v) p(v).
  public func expectation(_ f: (Double) -> Double) -> Double {
    zip(values, probabilities).reduce(0) { $0 + f($1.0) * $1.1 }
  }
}

/// The number that stands for a distribution.
public enum PointEstimate: String, Sendable, Hashable, Codable, CaseIterable {
  /// The one with the least expected absolute error.
  case median
  /// The one with the least expected squared error; it need not be one that a model could write.
  case mean
  /// The most probable one, which decoding within the format would write.
  case mode

  /// The estimate.
  public func value(of distribution: NumberDistribution) -> Double {
    switch self {
    case .median: distribution.median
    case .mean: distribution.mean
    case .mode: distribution.mode
    }
  }
}
