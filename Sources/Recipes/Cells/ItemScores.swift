import Foundation
import Reports

/// What several seeds scored on the same test items: episodes solved, boxes found. Means are over both; intervals are over
/// items, each the mean of its seeds, so they say what these models do and little of other seeds.
struct ItemScores {
  /// For every item the mean over seeds.
  let values: [Double]

  /// - Parameter bySeed: a list for each seed, items in the same order.
  init(_ bySeed: [[Double]]) {
    values = (bySeed.first ?? []).indices.map { index in Measurements(bySeed.map { $0[index] }).mean }
  }

  /// NaN without items.
  var mean: Double { Measurements(values).mean }

  /// The 95 % interval of the mean of scores from 0 to 1; nil under two items.
  var interval: ConfidenceInterval? {
    guard values.count > 1 else { return nil }
    // Resampling has nothing to draw where all are alike.
    guard Set(values).count > 1 else { return .share(Int((mean * Double(values.count)).rounded()), of: values.count) }
    return Bootstrap(resamples: 2000).interval(of: values)
  }

  /// Whether these scores are higher than others of the same items.
  func verdict(_ metric: String, against others: ItemScores, unit: String) -> Verdict {
    Verdict(
      metric, ours: values, theirs: others.values, lowerIsBetter: false, unit: unit,
      inference: .bootstrap(Bootstrap(resamples: 2000)))
  }

  /// What a verdict's reader has to know.
  ///
  /// - Parameter seeds: how many seeds the means are over, where they differ by place.
  static func remark(_ unit: String, seeds: Set<Int>) -> String {
    "Pairs are \(unit)s, means over \(Self.seeds(seeds)): intervals do not hold what other seeds of training would do."
  }

  /// `1 seed`, `1 to 2 seeds`
  static func seeds(_ counts: Set<Int>) -> String {
    counts.sorted().map(String.init).joined(separator: " to ") + " seed" + (counts == [1] ? "" : "s")
  }
}

extension ConfidenceInterval {
  /// Of a share, in per cent.
  var percent: ConfidenceInterval { ConfidenceInterval(low: 100 * low, high: 100 * high, level: level) }
}

extension ClaimFinding {
  /// K8: the gain of dist over sft shrinks as data grow.
  ///
  /// - Parameters:
  ///   - gains: for every pair of runs the gain at each size.
  ///   - things: what sizes count.
  ///   - unit: what a pair is, in the singular.
  static func shrinkingGains(_ gains: [[Double]], sizes: [Int], of things: String, unit: String) -> ClaimFinding {
    let slopes = gains.map { straightLine(sizes.map { log10(Double($0)) }, $0).slope }
    let verdict = Verdict(
      "slope of the gain over log10 of \(things)", ours: slopes, theirs: slopes.map { _ in 0 }, unit: unit)
    return ClaimFinding(
      id: "K8", claim: "The gain of dist over sft shrinks as data grow.", finding: "\(verdict).",
      outcome: verdict.outcome)
  }
}
