// SPDX-License-Identifier: Apache-2.0
/// Confidence intervals by resampling with replacement (Efron and Tibshirani 1993, chapters 13 and 14).
///
/// Equal seeds give equal intervals. Under about ten values, the five seeds of an experiment for instance, bootstrap
/// intervals are too narrow whatever the method (the test suite measures how much);
/// ``Measurements/meanInterval(level:)`` is not.
public struct Bootstrap: Sendable, Hashable {
  /// How an interval is read off the resampled statistics.
  public enum Method: Sendable, Hashable {
    /// Quantiles of the resampled statistics.
    case percentile
    /// Bias-corrected and accelerated: right to second order for skewed statistics too.
    case bca
  }

  /// Number of resamples.
  public var resamples: Int
  /// Confidence, in (0, 1).
  public var level: Double
  /// How the interval is read off.
  public var method: Method
  /// Seed of the resampling.
  public var seed: UInt64

  /// Memberwise.
  public init(resamples: Int = 10_000, level: Double = 0.95, method: Method = .bca, seed: UInt64 = 0) {
    precondition(resamples > 0 && level > 0 && level < 1, "\(resamples) resamples at level \(level)")
    self.resamples = resamples
    self.level = level
    self.method = method
    self.seed = seed
  }

  /// The interval of the mean of `values`.
  ///
  /// For paired data give the differences. NaN bounds for fewer than two values or where a value is not finite.
  public func interval(of values: [Double]) -> ConfidenceInterval {
    let mean = Measurements(values).mean, others = Double(values.count - 1)
    // n·mean − value, over n − 1, in a form whose parts are no larger than the values.
    return interval(of: values, statistic: Reports.mean) { values.map { mean + (mean - $0) / others } }
  }

  /// The interval of a statistic of `values`; with BCa, it is asked for once more for each value.
  ///
  /// NaN bounds for fewer than two values or where a value is not finite.
  public func interval(of values: [Double], statistic: ([Double]) -> Double) -> ConfidenceInterval {
    interval(of: values, statistic: statistic) {
      values.indices.map { left in statistic(Array(values[..<left] + values[(left + 1)...])) }
    }
  }

  private func interval(
    of values: [Double], statistic: ([Double]) -> Double, jackknife: () -> [Double]
  ) -> ConfidenceInterval {
    guard values.count > 1, values.allSatisfy(\.isFinite) else {
      return ConfidenceInterval(low: .nan, high: .nan, level: level)
    }
    let sorted = distribution(of: values, statistic: statistic).sorted()
    var shares = ((1 - level) / 2, (1 + level) / 2)
    if method == .bca, let corrected = correctedShares(shares, statistic(values), sorted, jackknife()) {
      shares = corrected
    }
    return ConfidenceInterval(
      low: Measurements.quantile(shares.0, ofSorted: sorted), high: Measurements.quantile(shares.1, ofSorted: sorted),
      level: level)
  }

  /// Intervals of Σ sum / Σ weight for several such figures of the same items, all from the same resamples: items are drawn
  /// once however many figures there are. Percentiles, whatever ``method`` says.
  ///
  /// - Parameter figures: for each figure the sum and the weight of every item.
  /// - Returns: for each figure its interval; NaN bounds for fewer than two items, or where weights may sum to 0.
  public func ratioIntervals(of figures: [[(sum: Double, weight: Double)]]) -> [ConfidenceInterval] {
    guard let count = figures.first?.count, count > 1 else {
      return figures.map { _ in ConfidenceInterval(low: .nan, high: .nan, level: level) }
    }
    precondition(figures.allSatisfy { $0.count == count }, "figures of unlike numbers of items")
    // How often each item was drawn, then products with that: items are read in order, and each figure's once a resample.
    let columns = figures.map { items in (sums: padded(items.map(\.sum)), weights: padded(items.map(\.weight))) }
    var random = SplitMix64(seed: seed), found = figures.map { _ in [Double]() }
    var times = padded([Double](repeating: 0, count: count))
    for _ in 0..<resamples {
      times.withUnsafeMutableBufferPointer { times in
        times.update(repeating: 0)
        for _ in 0..<count { times[random.index(below: count)] += 1 }
      }
      for (figure, column) in columns.enumerated() {
        found[figure].append(dot(times, column.sums) / dot(times, column.weights))
      }
    }
    let tail = (1 - level) / 2
    return found.map { values in
      let sorted = values.sorted()
      guard values.allSatisfy(\.isFinite) else { return ConfidenceInterval(low: .nan, high: .nan, level: level) }
      return ConfidenceInterval(
        low: Measurements.quantile(tail, ofSorted: sorted), high: Measurements.quantile(1 - tail, ofSorted: sorted),
        level: level)
    }
  }

  /// Two-sided p-value of "the mean of these differences is 0", by counting resampled means on either side of 0.
  public func pValue(ofDifferences differences: [Double]) -> Double {
    guard differences.count > 1, differences.allSatisfy(\.isFinite) else { return .nan }
    let means = distribution(of: differences, statistic: mean)
    let below = means.count { $0 <= 0 }
    let above = means.count { $0 >= 0 }
    // Plus one: the sample itself counts as a resample, so no finite number of them can claim p = 0.
    return min(1, 2 * Double(1 + min(below, above)) / Double(1 + resamples))
  }

  /// The statistic of every resample, in the order drawn.
  package func distribution(of values: [Double], statistic: ([Double]) -> Double) -> [Double] {
    var random = SplitMix64(seed: seed)
    var resample = values
    return (0..<resamples).map { _ in
      for index in resample.indices { resample[index] = values[random.index(below: values.count)] }
      return statistic(resample)
    }
  }

  /// The shares at which BCa reads the quantiles (Efron and Tibshirani, eq. 14.10); nil where it is not defined: all
  /// resamples on one side of the statistic, or a jackknife without spread.
  ///
  /// - Parameter jackknife: the statistic without each value in turn.
  private func correctedShares(
    _ shares: (Double, Double), _ observed: Double, _ sorted: [Double], _ jackknife: [Double]
  ) -> (Double, Double)? {
    // Ties count half: with five seeds a share of the resamples equals the sample.
    let below = Double(sorted.count { $0 < observed } + sorted.count { $0 <= observed }) / 2
    let bias = StandardNormal.quantile(below / Double(sorted.count))
    let center = Measurements(jackknife).mean
    let largest = jackknife.reduce(0) { max($0, abs($1 - center)) }
    guard bias.isFinite, largest > 0, largest.isFinite else { return nil }
    // The acceleration has no unit: in parts of the largest, squares and cubes of any values fit a double.
    let deviations = jackknife.map { (center - $0) / largest }
    let squares = deviations.reduce(0) { $0 + $1 * $1 }
    let cubes = deviations.reduce(0) { $0 + $1 * $1 * $1 }
    let acceleration = cubes / (6 * squares * squares.squareRoot())
    func corrected(_ share: Double) -> Double {
      let z = bias + StandardNormal.quantile(share)
      return StandardNormal.cdf(bias + z / (1 - acceleration * z))
    }
    let (low, high) = (corrected(shares.0), corrected(shares.1))
    return low.isFinite && high.isFinite ? (low, high) : nil
  }
}

private func mean(_ values: [Double]) -> Double { Measurements(values).mean }

/// With zeros behind, so that the count is a multiple of 8.
private func padded(_ values: [Double]) -> [Double] {
  values + [Double](repeating: 0, count: (8 - values.count % 8) % 8)
}

/// Σ a·b of counts that are multiples of 8, eight at a time.
private func dot(_ a: [Double], _ b: [Double]) -> Double {
  a.withUnsafeBytes { a in
    b.withUnsafeBytes { b in
      var sum = SIMD8<Double>()
      for offset in stride(from: 0, to: a.count, by: 64) {
        sum +=
          a.loadUnaligned(fromByteOffset: offset, as: SIMD8<Double>.self)
          * b.loadUnaligned(fromByteOffset: offset, as: SIMD8<Double>.self)
      }
      return sum.sum()
    }
  }
}
