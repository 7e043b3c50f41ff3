// SPDX-License-Identifier: Apache-2.0
public import Files

/// A test of "no difference that matters": whether the mean difference of two lists of pairs lies within a margin that
/// was stated beforehand.
///
/// Two one-sided t tests at 5 % each (Schuirmann 1987): the claim stands where the 90 % interval lies inside ± margin.
/// That no difference was shown is not enough for it.
public struct Equivalence: Sendable, Hashable, CustomStringConvertible {
  /// Possible conclusions.
  public enum Outcome: String, Sendable, Hashable, Codable {
    /// The interval lies within the margin.
    case equivalent
    /// The interval lies beyond the margin, on one side.
    case different
    /// The interval reaches over an end of the margin.
    case undecided
    /// Fewer than two pairs with finite values.
    case tooFewPairs
  }

  /// Name of what was measured, for instance `MAE`.
  public var metric: String
  /// The largest difference that is called none, in the unit of the metric.
  public var margin: Double
  /// Mean difference, ours minus theirs, over the finite pairs.
  public var difference: Double
  /// The 90 % interval of that difference, by Student's t.
  public var interval: ConfidenceInterval
  /// The larger p-value of the two one-sided tests.
  public var pValue: Double
  /// Pairs with a finite difference.
  public var pairs: Int
  /// Unit of the pairs, in the singular.
  public var unit: String

  /// Compares two lists whose i-th values belong together.
  public init(_ metric: String, ours: [Double], theirs: [Double], margin: Double, unit: String = "seed") {
    precondition(ours.count == theirs.count, "\(ours.count) values against \(theirs.count)")
    precondition(margin > 0 && margin.isFinite, "margin \(margin)")
    let sample = Measurements(zip(ours, theirs).map { $0 - $1 }.filter(\.isFinite))
    (self.metric, self.margin, self.unit) = (metric, margin, unit)
    (difference, pairs) = (sample.mean, sample.count)
    interval = sample.meanInterval(level: 0.9)
    pValue = Self.pValue(sample, margin)
  }

  private static func pValue(_ sample: Measurements, _ margin: Double) -> Double {
    guard sample.count > 1 else { return .nan }
    let room = margin - abs(sample.mean), error = sample.standardError
    guard error > 0 else { return room > 0 ? 0 : 1 }
    let twoSided = StudentT.twoSidedTail(room / error, degrees: Double(sample.count - 1))
    return room > 0 ? twoSided / 2 : 1 - twoSided / 2
  }

  /// What the interval says.
  public var outcome: Outcome {
    guard pairs > 1, interval.isFinite else { return .tooFewPairs }
    if interval.low > -margin, interval.high < margin { return .equivalent }
    return interval.low >= margin || interval.high <= -margin ? .different : .undecided
  }

  /// `equal MAE within ± 0.02: difference 0.003, 90 % interval [-0.004, 0.010] (n = 5 seeds)`
  public var description: String {
    guard outcome != .tooFewPairs else { return "too few \(unit)s to compare \(metric) (n = \(pairs))" }
    let decimals = decimalsToShow(min(margin, max((interval.high - interval.low) / 2, margin / 100)))
    func text(_ value: Double) -> String { Quantity.decimals(value, decimals) }
    let start =
      switch outcome {
      case .equivalent: "equal \(metric) within"
      case .different: "\(metric) differs by more than"
      case .undecided, .tooFewPairs: "not decided whether \(metric) is equal within"
      }
    return "\(start) ± \(text(margin)): difference \(text(difference)), 90 % interval "
      + "[\(text(interval.low)), \(text(interval.high))] (n = \(pairs) \(unit)s)"
  }

  /// For programs. Numbers that are not finite are null.
  public var json: JSON {
    func number(_ value: Double) -> JSON { value.isFinite ? .double(value) : .null }
    return [
      "metric": .string(metric), "outcome": .string(outcome.rawValue), "margin": .double(margin),
      "difference": number(difference), "low": number(interval.low), "high": number(interval.high),
      "level": .double(interval.level), "pValue": number(pValue), "pairs": .int(pairs), "unit": .string(unit),
      "text": .string(description),
    ]
  }
}

extension Conclusion {
  /// Folds tests that all have to stand: a claim of no difference. Each of them at 5 % leaves 5 % for the claim as a
  /// whole (intersection-union test), so that nothing is corrected.
  public init(_ outcomes: [Equivalence.Outcome]) {
    if !outcomes.isEmpty, outcomes.allSatisfy({ $0 == .equivalent }) {
      self = .equivalent
    } else {
      self = outcomes.contains(.different) ? .different : .undecided
    }
  }
}
