// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Repeated measurements of one quantity: one value per seed, problem or example.
///
/// Every figure of no values is NaN, and a NaN among the values makes every figure NaN: a run that diverged must not
/// vanish in a mean. Values whose sum or squares no double holds are scaled down first, so that finite values of any
/// size have a mean and, short of the last factor of two, a standard deviation.
public struct Measurements: Sendable, Hashable, ExpressibleByArrayLiteral {
  /// The values, in the order measured.
  public var values: [Double]

  /// Takes the values as they are.
  public init(_ values: [Double]) {
    self.values = values
  }

  /// Takes the values as they are.
  public init(arrayLiteral elements: Double...) {
    values = elements
  }

  /// How many there are.
  public var count: Int { values.count }

  /// The arithmetic mean.
  public var mean: Double {
    guard !values.isEmpty else { return .nan }
    let first = values.reduce(0, +) / Double(count)
    guard first.isFinite else {
      // The sum may be too large where the mean is not.
      return values.allSatisfy(\.isFinite) ? values.reduce(0) { $0 + $1 / Double(count) } : first
    }
    // A second pass takes back what rounding lost in the first.
    return first + values.reduce(0) { $0 + ($1 - first) } / Double(count)
  }

  /// The sample standard deviation, with n - 1 below; NaN for fewer than two values.
  public var standardDeviation: Double {
    guard count > 1 else { return .nan }
    let mean = mean
    let plain = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
    guard plain.isInfinite, let largest = values.map({ abs($0 - mean) }).max(), largest.isFinite else { return plain }
    let squares = values.reduce(0) { $0 + ($1 - mean) / largest * (($1 - mean) / largest) }
    return largest * (squares / Double(count - 1)).squareRoot()
  }

  /// The standard deviation of the mean.
  public var standardError: Double { standardDeviation / Double(count).squareRoot() }

  /// The middle value, or the mean of the two middle ones.
  public var median: Double { quantile(0.5) }

  /// The value that a share `p` of the values lies below, linear between order statistics (numpy's default).
  public func quantile(_ p: Double) -> Double {
    precondition((0...1).contains(p), "quantile \(p) outside 0...1")
    guard !values.isEmpty, !values.contains(where: \.isNaN) else { return .nan }
    return Measurements.quantile(p, ofSorted: values.sorted())
  }

  static func quantile(_ p: Double, ofSorted sorted: [Double]) -> Double {
    guard !sorted.isEmpty, !p.isNaN else { return .nan }
    let place = min(max(p, 0), 1) * Double(sorted.count - 1)
    let below = Int(place), share = place - Double(below)
    let above = min(below + 1, sorted.count - 1)
    // Beside an infinite value, 0 times the difference would be NaN.
    if sorted[below] == sorted[above] || share == 0 { return sorted[below] }
    let between = sorted[below] + share * (sorted[above] - sorted[below])
    // The difference of two finite values may be too large for a double.
    guard !between.isFinite, sorted[below].isFinite, sorted[above].isFinite else { return between }
    return (1 - share) * sorted[below] + share * sorted[above]
  }

  /// The interval that holds the true mean with probability `level` if the values are normal: exact for any count,
  /// also for the three or five seeds one has. NaN bounds for fewer than two values.
  public func meanInterval(level: Double = 0.95) -> ConfidenceInterval {
    guard count > 1 else { return ConfidenceInterval(low: .nan, high: .nan, level: level) }
    let margin = StudentT.twoSidedQuantile(level: level, degrees: Double(count - 1)) * standardError
    return ConfidenceInterval(low: mean - margin, high: mean + margin, level: level)
  }
}

/// A two-sided confidence interval.
public struct ConfidenceInterval: Sendable, Hashable {
  /// Lower bound.
  public var low: Double
  /// Upper bound.
  public var high: Double
  /// Confidence, in (0, 1).
  public var level: Double

  /// Memberwise.
  public init(low: Double, high: Double, level: Double = 0.95) {
    self.low = low
    self.high = high
    self.level = level
  }

  /// The 95 % interval of a share, `hits` of `count` trials (Wilson 1927): sound for few trials and for shares of 0 and 1,
  /// where resampling sees no spread.
  public static func share(_ hits: Int, of count: Int) -> ConfidenceInterval {
    precondition(count > 0 && (0...count).contains(hits), "\(hits) of \(count)")
    let z = 1.959963984540054, n = Double(count), p = Double(hits) / n, whole = 1 + z * z / n
    let centre = (p + z * z / (2 * n)) / whole
    let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot() / whole
    // None and all reach the ends exactly, which rounding misses.
    return ConfidenceInterval(low: hits == 0 ? 0 : centre - half, high: hits == count ? 1 : centre + half)
  }

  /// Whether both bounds are numbers: resampling has none of too few values, or of sums that no double holds.
  public var isFinite: Bool { low.isFinite && high.isFinite }

  /// Whether `value` lies inside, bounds included.
  public func contains(_ value: Double) -> Bool { low <= value && value <= high }
}
