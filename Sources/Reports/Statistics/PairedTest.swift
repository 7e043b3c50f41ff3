// SPDX-License-Identifier: Apache-2.0
/// Two-sided tests of "there is no difference" on paired differences: one per seed, problem or example.
public enum PairedTest: Sendable, Hashable {
  /// Student's t on the mean difference: exact for normal differences.
  case studentT
  /// Wilcoxon's signed ranks: differences need only be symmetric. Zeros are left out, ties share ranks.
  case wilcoxonSignedRank
  /// The sign test: counts only which side wins. Zeros are left out.
  case sign
  /// Resampled means on either side of 0.
  case bootstrap(Bootstrap)

  /// The p-value of `differences`: NaN where there are too few or one is not finite, 1 where all are zero.
  public func pValue(ofDifferences differences: [Double]) -> Double {
    guard !differences.isEmpty, differences.allSatisfy(\.isFinite) else { return .nan }
    let nonzero = differences.filter { $0 != 0 }
    if nonzero.isEmpty { return 1 }
    switch self {
    case .studentT: return Self.studentT(differences)
    case .wilcoxonSignedRank: return Self.wilcoxon(nonzero)
    case .sign: return Self.sign(wins: nonzero.count { $0 > 0 }, of: nonzero.count)
    case .bootstrap(let bootstrap): return bootstrap.pValue(ofDifferences: differences)
    }
  }

  private static func studentT(_ differences: [Double]) -> Double {
    let sample = Measurements(differences)
    guard sample.count > 1 else { return .nan }
    return StudentT.twoSidedTail(sample.mean / sample.standardError, degrees: Double(sample.count - 1))
  }

  /// Exact by enumeration of all signs up to 100 differences, normal with tie correction beyond.
  private static func wilcoxon(_ differences: [Double]) -> Double {
    // Twice the mid-ranks are whole numbers, ties or not, so that sums of them index an array.
    let doubled = ranks(differences.map(\.magnitude)).map { Int(2 * $0) }
    let total = doubled.reduce(0, +)
    let positive = zip(doubled, differences).reduce(0) { $0 + ($1.1 > 0 ? $1.0 : 0) }
    let smaller = min(positive, total - positive)
    if differences.count > 100 {
      let variance = doubled.reduce(0.0) { $0 + Double($1 * $1) } / 4
      let z = (Double(smaller) - Double(total) / 2) / variance.squareRoot()
      return min(1, 2 * StandardNormal.cdf(z))
    }
    var chances = [Double](repeating: 0, count: total + 1)  // of each sum of doubled ranks
    chances[0] = 1
    var reach = 0
    for rank in doubled {
      reach += rank
      for sum in stride(from: reach, through: 0, by: -1) {
        chances[sum] = (chances[sum] + (sum >= rank ? chances[sum - rank] : 0)) / 2
      }
    }
    return min(1, 2 * chances[...smaller].reduce(0, +))
  }

  private static func sign(wins: Int, of count: Int) -> Double {
    // Binomial terms as running products in the logarithm-free range: 2^-count is representable up to count 1074.
    if count > 1000 {
      let z = (Double(min(wins, count - wins)) + 0.5 - Double(count) / 2) / (Double(count).squareRoot() / 2)
      return min(1, 2 * StandardNormal.cdf(z))
    }
    var term = Double(sign: .plus, exponent: -count, significand: 1)
    var tail = 0.0
    for successes in 0...min(wins, count - wins) {
      tail += term
      term *= Double(count - successes) / Double(successes + 1)
    }
    return min(1, 2 * tail)
  }
}

/// p-values of several comparisons adjusted by Holm's method: reject those below the level, and the chance of even one
/// false claim among all of them stays below it. NaN stays NaN and does not count.
public func holmAdjusted(_ pValues: [Double]) -> [Double] {
  let order = pValues.indices.filter { !pValues[$0].isNaN }.sorted { pValues[$0] < pValues[$1] }
  var adjusted = pValues
  var largest = 0.0
  for (place, index) in order.enumerated() {
    largest = max(largest, min(1, Double(order.count - place) * pValues[index]))
    adjusted[index] = largest
  }
  return adjusted
}
