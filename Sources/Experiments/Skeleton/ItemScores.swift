// SPDX-License-Identifier: Apache-2.0
import Recipes
import Foundation
import Reports

/// What several seeds scored on the same test items: episodes solved, boxes found. Means are over both. Intervals of
/// one list are over items, each the mean of its seeds, and say what these models do; verdicts are over seeds.
struct ItemScores {
  /// For every item the mean over seeds.
  let values: [Double]
  private let bySeed: [[Double]]

  /// - Parameter bySeed: a list for each seed, items in the same order.
  init(_ bySeed: [[Double]]) {
    self.bySeed = bySeed
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

  /// Mean and interval in per cent; missing under two items.
  var percentCell: Table.Cell {
    interval.map { .interval(100 * mean, $0.percent, decimals: 1) } ?? .missing
  }

  /// Whether these scores are higher than others of the same seeds and items.
  func verdict(_ metric: String, against others: ItemScores) -> Verdict {
    Verdict(metric, bySeed: bySeed, against: others.bySeed, lowerIsBetter: false)
  }

  /// Remarks on a verdict.
  ///
  /// - Parameter seeds: how many seeds the means are over, where they differ by place.
  static func remark(_ unit: String, seeds: Set<Int>) -> String {
    seeds == [1]
      ? "One training run each: what differs may be chance of training, which more seeds (--seeds) would show."
      : "Intervals are over \(Self.seeds(seeds)) of training and over \(unit)s."
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
