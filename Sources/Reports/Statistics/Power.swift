// SPDX-License-Identifier: Apache-2.0
/// Power of a comparison by Student's t.
extension Verdict {
  /// The difference that four of five comparisons of as many pairs, varying like these, would show (power 80 %); nil
  /// for fewer than three pairs, or without a finite interval.
  public var detectableDifference: Double? {
    standardError.map { ($0.quantile + Self.fourOfFive) * $0.error }
  }

  /// About how many pairs show a difference of this size in four of five comparisons; nil where that is more than a
  /// million, or not known.
  public func pairsNeeded(for difference: Double) -> Int? {
    guard let error = standardError?.error, difference > 0 else { return nil }
    let ratio = (1.959963984540054 + Self.fourOfFive) * error * Double(pairs).squareRoot() / difference
    // Student's t asks for about two pairs more than the normal distribution.
    let count = (ratio * ratio + 2).rounded(.up)
    return count <= 1e6 ? Int(count) : nil
  }

  /// The standard error of the mean difference, and its share in half the interval.
  private var standardError: (error: Double, quantile: Double)? {
    guard pairs > 2, interval.isFinite, interval.high > interval.low else { return nil }
    let quantile = StudentT.twoSidedQuantile(level: interval.level, degrees: Double(pairs - 1))
    let error = (interval.high / 2 - interval.low / 2) / quantile
    return error.isFinite ? (error, quantile) : nil
  }

  /// The normal quantile of 0.8.
  private static let fourOfFive = 0.8416212335729143
}
