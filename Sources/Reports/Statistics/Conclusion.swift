// SPDX-License-Identifier: Apache-2.0
public import Files

/// The common outcome of the verdicts that speak to one claim.
public enum Conclusion: String, Sendable, Hashable, Codable {
  /// Every comparison is better.
  case better
  /// Every comparison is worse.
  case worse
  /// Some comparisons show a difference, and not all of them the same.
  case mixed
  /// No comparison shows a difference.
  case noDifferenceShown
  /// Nothing could be compared: no comparisons, or too few pairs in each. Of a claim of no difference: the intervals
  /// reach over its margin.
  case undecided
  /// Every difference is shown to lie within its margin.
  case equivalent
  /// A difference is shown to lie beyond its margin.
  case different

  /// Folds the outcomes of several comparisons into one.
  public init(_ outcomes: [Verdict.Outcome]) {
    let decided = outcomes.filter { $0 != .tooFewPairs }
    switch (decided.count { $0 == .better }, decided.count { $0 == .worse }) {
    case _ where decided.isEmpty: self = .undecided
    case (0, 0): self = .noDifferenceShown
    case (outcomes.count, 0): self = .better
    case (0, outcomes.count): self = .worse
    default: self = .mixed
    }
  }

  /// The outcome of one comparison.
  public init(_ outcome: Verdict.Outcome) { self.init([outcome]) }
}

extension Verdict {
  /// For programs: `{"metric": "MAE", "outcome": "better", "difference": …, "low": …, "high": …, "text": …}`. Numbers
  /// that are not finite are null.
  public var json: JSON {
    func number(_ value: Double) -> JSON { value.isFinite ? .double(value) : .null }
    return [
      "metric": .string(metric), "outcome": .string(outcome.rawValue), "ours": number(ourMean),
      "theirs": number(theirMean), "difference": number(difference), "low": number(interval.low),
      "high": number(interval.high), "level": number(interval.level), "pValue": number(pValue),
      "comparisons": .int(comparisons), "effectSize": number(effectSize), "pairs": .int(pairs),
      "leftOut": .int(leftOut), "unit": .string(unit), "lowerIsBetter": .bool(lowerIsBetter),
      "text": .string(description),
    ]
  }
}
