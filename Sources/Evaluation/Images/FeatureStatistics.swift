// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Mean and covariance of features, in float64.
public struct FeatureStatistics {
  /// How many images they were taken over.
  public let count: Int
  /// The mean `[D]`.
  public let mean: Tensor
  /// The covariance `[D, D]`, with N − 1 below, as numpy.cov has it.
  public let covariance: Tensor

  /// Statistics that are known already. `mean` is `[D]`, `covariance` `[D, D]`; both become float64.
  public init(count: Int, mean: Tensor, covariance: Tensor) {
    torchPrecondition(covariance.shape == [mean.size(0), mean.size(0)], "\(mean.shape) and \(covariance.shape)")
    (self.count, self.mean, self.covariance) = (count, mean.to(.float64), covariance.to(.float64))
  }

  /// Statistics of features `[N, D]` with N ≥ 2, read in pieces so that no second copy is made.
  ///
  /// - Parameter weights: how often each row counts `[N]`; once if nil. For resampling.
  public init(of features: Tensor, weights: Tensor? = nil) {
    var accumulator = FeatureAccumulator()
    let rows = Swift.max(1, (1 << 22) / features.size(1))
    for start in stride(from: 0, to: features.size(0), by: rows) {
      let length = Swift.min(rows, features.size(0) - start)
      accumulator.add(features.narrow(0, start, length), weights: weights?.narrow(0, start, length))
    }
    self = accumulator.statistics()
  }
}

/// Gathers mean and covariance batch by batch: nothing is kept but sums.
public struct FeatureAccumulator {
  private var count = 0
  // Sums of deviations from the first batch's mean, which keeps them small: subtracting large sums would lose digits.
  private var origin: Tensor?
  private var sum: Tensor?
  private var products: Tensor?

  /// Nothing yet.
  public init() {}

  /// Adds features `[n, D]` of any floating type, with weights `[n]` of whole numbers.
  public mutating func add(_ batch: Tensor, weights: Tensor? = nil) {
    noGrad {
      let x = batch.to(.float64)
      let origin = self.origin ?? x.mean(0)
      let deviation = x - origin
      let weighted = weights.map { deviation * $0.to(.float64).unsqueeze(1) } ?? deviation
      let (added, product) = (weighted.sum(0), weighted.transpose(0, 1).mm(deviation))
      self.origin = origin
      sum = sum.map { $0 + added } ?? added
      products = products.map { $0 + product } ?? product
      count += weights?.sum().intItem() ?? batch.size(0)
    }
  }

  /// Mean and covariance of all that was added, at least two rows.
  public func statistics() -> FeatureStatistics {
    guard let origin, let sum, let products, count > 1 else { preconditionFailure("statistics of \(count) images") }
    return noGrad {
      let shift = sum / Double(count)
      let outer = shift.unsqueeze(1).mm(shift.unsqueeze(0))
      return FeatureStatistics(
        count: count, mean: origin + shift,
        covariance: (products - outer * Double(count)) / Double(count - 1))
    }
  }
}
