// SPDX-License-Identifier: Apache-2.0
/// Conclusion of a paired comparison, in words that claim no more than the numbers do.
public struct Verdict: Sendable, Hashable, CustomStringConvertible {
  /// Possible conclusions of a comparison.
  public enum Outcome: String, Sendable, Hashable, Codable {
    /// The interval of the difference lies on the good side of 0.
    case better
    /// The interval of the difference lies on the bad side of 0.
    case worse
    /// The interval holds 0, or the claim did not survive correction for several comparisons.
    case noDifferenceShown
    /// Every pair is equal.
    case identical
    /// Fewer than two pairs with finite values: one seed, for instance, whatever the number of its test items.
    case tooFewPairs
  }

  /// How interval and p-value are had.
  public enum Inference: Sendable, Hashable {
    /// Student's t: right for any number of pairs if the differences are about normal.
    case studentT(level: Double)
    /// Resampled differences: for many pairs and skewed differences. Too sure of itself under about ten pairs.
    case bootstrap(Bootstrap)
  }

  /// Name of what was measured, for instance `MAE`.
  public var metric: String
  /// Conclusion of the comparison.
  public var outcome: Outcome
  /// Means over the finite pairs.
  public var ourMean: Double
  /// Mean of theirs over the finite pairs.
  public var theirMean: Double
  /// Mean difference, ours minus theirs, over the finite pairs.
  public var difference: Double
  /// Interval of that difference.
  public var interval: ConfidenceInterval
  /// Two-sided p-value of "no difference".
  public var pValue: Double
  /// Mean difference in standard deviations of the differences (Cohen's d for pairs).
  public var effectSize: Double
  /// Pairs with a finite difference.
  public var pairs: Int
  /// Pairs left out because a value, or the difference of the two, was not finite.
  public var leftOut: Int
  /// Pairs whose difference has the sign of the mean difference.
  public var agreeingPairs: Int
  /// Whether lower values are better.
  public var lowerIsBetter: Bool
  /// Unit of the pairs, in the singular: `seed`.
  public var unit: String
  /// How many comparisons the claim was corrected for; 1 if it stands alone.
  public var comparisons: Int

  /// Compares two lists whose i-th values belong together: same seed, same problem.
  public init(
    _ metric: String, ours: [Double], theirs: [Double], lowerIsBetter: Bool = true, unit: String = "seed",
    inference: Inference = .studentT(level: 0.95)
  ) {
    precondition(ours.count == theirs.count, "\(ours.count) values against \(theirs.count)")
    // A difference of two finite values may be too large for a double.
    let finite = zip(ours, theirs).filter { ($0 - $1).isFinite }
    let differences = finite.map { $0.0 - $0.1 }
    let sample = Measurements(differences)
    self.metric = metric
    self.lowerIsBetter = lowerIsBetter
    self.unit = unit
    comparisons = 1
    (ourMean, theirMean) = (Measurements(finite.map(\.0)).mean, Measurements(finite.map(\.1)).mean)
    difference = sample.mean
    effectSize = sample.mean / sample.standardDeviation
    pairs = differences.count
    leftOut = ours.count - pairs
    agreeingPairs = differences.count { $0 * sample.mean > 0 }
    switch inference {
    case .studentT(let level):
      interval = sample.meanInterval(level: level)
      pValue = PairedTest.studentT.pValue(ofDifferences: differences)
    case .bootstrap(let bootstrap):
      interval = bootstrap.interval(of: differences)
      pValue = bootstrap.pValue(ofDifferences: differences)
    }
    outcome = .tooFewPairs
    decide(isIdentical: differences.allSatisfy { $0 == 0 })
  }

  /// Reads the outcome off interval and number of pairs.
  mutating func decide(isIdentical: Bool) {
    if pairs < 2 {
      outcome = .tooFewPairs
    } else if isIdentical {
      outcome = .identical
    } else if interval.contains(0) || !interval.isFinite {
      outcome = .noDifferenceShown
    } else {
      outcome = (difference < 0) == lowerIsBetter ? .better : .worse
    }
  }

  /// The same verdicts as a family: a claim stands only if it survives Holm's correction for all of them, so that a
  /// table of twenty comparisons does not bring forth one by chance.
  public static func corrected(_ verdicts: [Verdict]) -> [Verdict] {
    let adjusted = holmAdjusted(verdicts.map(\.pValue))
    return zip(verdicts, adjusted).map { verdict, pValue in
      var verdict = verdict
      verdict.comparisons = verdicts.count
      verdict.pValue = pValue
      let isClaim = verdict.outcome == .better || verdict.outcome == .worse
      if isClaim, !(pValue <= 1 - verdict.interval.level) { verdict.outcome = .noDifferenceShown }
      return verdict
    }
  }

  /// One sentence part: `lower MAE by 0.012 [0.004, 0.020], 5 of 5 seeds`, or
  /// `no difference in MAE shown: 95 % interval [-0.010, 0.020] includes 0 (n = 5 seeds)`.
  public var description: String {
    let omission = leftOut == 0 ? "" : "; \(leftOut) of \(pairs + leftOut) \(unit)s left out, not finite"
    return claim + omission
  }

  private var claim: String {
    let level = Quantity.percent(interval.level)
    switch outcome {
    case .tooFewPairs:
      if unit == "seed", pairs == 1 {
        let means = [ourMean, theirMean].map { Quantity.decimals($0, decimals) }
        return "one seed: no verdict on \(metric) (\(means[0]) against \(means[1]))"
      }
      return "too few \(unit)s to compare \(metric) (n = \(pairs))"
    case .identical:
      return "identical \(metric) in all \(pairs) \(unit)s"
    case .noDifferenceShown:
      let start = "no difference in \(metric) shown: "
      let count = "(n = \(pairs) \(unit)s)"
      if interval.contains(0) { return start + "\(level) interval \(bounds(of: interval)) includes 0 \(count)" }
      if !interval.isFinite { return start + "its interval is beyond what a double holds \(count)" }
      let p = Quantity.significant(pValue, digits: 2)
      return start + "p = \(p) after correction for \(comparisons) comparisons \(count)"
    case .better, .worse:
      let isLower = difference < 0
      // The direction of a difference says nothing to one who does not know the metric.
      let direction = (isLower ? "lower" : "higher") + (outcome == .worse ? " (worse)" : "")
      let size = isLower ? ConfidenceInterval(low: -interval.high, high: -interval.low) : interval
      let text = Quantity.decimals(abs(difference), decimals)
      return "\(direction) \(metric) by \(text) \(bounds(of: size)), \(agreeingPairs) of \(pairs) \(unit)s"
    }
  }

  /// Two significant digits of half the interval's width, at most six decimals.
  private var decimals: Int {
    let half = (interval.high - interval.low) / 2
    return decimalsToShow(half > 0 ? half : abs(difference))
  }

  private func bounds(of interval: ConfidenceInterval) -> String {
    "[\(Quantity.decimals(interval.low, decimals)), \(Quantity.decimals(interval.high, decimals))]"
  }
}

/// The decimals that show two significant digits of an uncertainty, from 0 to 6.
func decimalsToShow(_ uncertainty: Double) -> Int {
  guard uncertainty.isFinite, uncertainty > 0 else { return 3 }
  var decimals = 0
  var scaled = uncertainty
  while scaled < 9.95, decimals < 6 {
    scaled *= 10
    decimals += 1
  }
  return decimals
}
