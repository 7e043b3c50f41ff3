// SPDX-License-Identifier: Apache-2.0
/// Whether several methods differ over many data sets, by their ranks (Friedman 1937), as Demšar 2006 recommends.
public struct Friedman: Sendable, Hashable {
  /// Mean rank of each method over the data sets; 1 is best, equal values share the mean of theirs.
  public let ranks: [Double]
  /// Data sets.
  public let count: Int
  /// Probability of ranks as different as these, if all methods were alike: by Iman and Davenport's F. NaN with fewer
  /// than two methods or data sets.
  public let pValue: Double

  /// - Parameters:
  ///   - values: for each data set one value a method, all finite.
  ///   - lowerIsBetter: whether the lowest value has rank 1.
  public init(_ values: [[Double]], lowerIsBetter: Bool = true) {
    let methods = values.first?.count ?? 0, sets = Double(values.count), k = Double(methods)
    precondition(values.allSatisfy { $0.count == methods }, "data sets of different numbers of methods")
    var sums = [Double](repeating: 0, count: methods)
    for row in values {
      for (method, rank) in Self.ranks(lowerIsBetter ? row : row.map { -$0 }).enumerated() { sums[method] += rank }
    }
    ranks = sums.map { $0 / sets }
    count = values.count
    guard methods > 1, values.count > 1 else {
      pValue = .nan
      return
    }
    let squares = ranks.reduce(0) { $0 + $1 * $1 }
    let statistic = 12 * sets / (k * (k + 1)) * (squares - k * (k + 1) * (k + 1) / 4)
    let rest = sets * (k - 1) - statistic
    guard rest > 0 else {
      pValue = 0
      return
    }
    pValue = FDistribution.upperTail((sets - 1) * statistic / rest, k - 1, (k - 1) * (sets - 1))
  }

  /// Two methods differ at 5 % if their mean ranks do by more than this (Nemenyi's test); nil for more than 20 methods.
  public var criticalDifference: Double? {
    // Studentized ranges of infinitely many degrees of freedom over √2, from two methods on.
    let table = [
      1.960, 2.344, 2.569, 2.728, 2.850, 2.948, 3.031, 3.102, 3.164, 3.219, 3.268, 3.313, 3.354, 3.391, 3.426, 3.458,
      3.489, 3.517, 3.544,
    ]
    guard table.indices.contains(ranks.count - 2), count > 0 else { return nil }
    let k = Double(ranks.count)
    return table[ranks.count - 2] * (k * (k + 1) / (6 * Double(count))).squareRoot()
  }

  private static func ranks(_ values: [Double]) -> [Double] {
    values.map { value in
      let less = values.count { $0 < value }, equal = values.count { $0 == value }
      return Double(less) + Double(equal + 1) / 2
    }
  }
}

/// The F distribution.
package enum FDistribution {
  /// P(F ≥ f) with `first` and `second` degrees of freedom.
  package static func upperTail(_ f: Double, _ first: Double, _ second: Double) -> Double {
    guard f > 0 else { return 1 }
    let sum = second + first * f
    return incompleteBeta(second / sum, first * f / sum, second / 2, first / 2)
  }
}
