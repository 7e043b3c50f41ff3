// SPDX-License-Identifier: Apache-2.0
/// Figures of predictions beside true values. NaN where there is nothing to measure.
public enum NumberMetrics {
  /// Mean of |prediction − truth|.
  public static func meanAbsoluteError(_ predictions: [Double], _ truths: [Double]) -> Double {
    mean(paired(predictions, truths).map { abs($0 - $1) })
  }

  /// Median of |prediction − truth|; the mean of the two middle ones of an even number.
  public static func medianError(_ predictions: [Double], _ truths: [Double]) -> Double {
    let errors = paired(predictions, truths).map { abs($0 - $1) }.sorted()
    return errors.isEmpty ? .nan : errors[(errors.count - 1) / 2] / 2 + errors[errors.count / 2] / 2
  }

  /// Square root of the mean of (prediction − truth)².
  public static func rootMeanSquaredError(_ predictions: [Double], _ truths: [Double]) -> Double {
    let errors = paired(predictions, truths).map { abs($0 - $1) }
    let plain = mean(errors.map { $0 * $0 }).squareRoot()
    // In parts of the largest, squares fit a double.
    guard plain.isInfinite, let largest = errors.max(), largest.isFinite else { return plain }
    return largest * mean(errors.map { $0 / largest * ($0 / largest) }).squareRoot()
  }

  /// Mean of |prediction − truth| / |truth| over the truths that are not 0.
  public static func meanRelativeError(_ predictions: [Double], _ truths: [Double]) -> Double {
    mean(paired(predictions, truths).filter { $0.1 != 0 }.map { abs($0 - $1) / abs($1) })
  }

  /// Coefficient of determination 1 − Σ(prediction − truth)² / Σ(truth − mean)²: 1 is perfect, 0 no better than the
  /// mean, below 0 worse. NaN if all truths are equal.
  public static func r2(_ predictions: [Double], _ truths: [Double]) -> Double {
    let center = mean(truths)
    let total = truths.reduce(0) { $0 + ($1 - center) * ($1 - center) }
    let residual = paired(predictions, truths).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return total > 0 ? 1 - residual / total : .nan
  }

  /// Spearman's ρ, Pearson's correlation of the ranks; ties share the mean of theirs. NaN if either side is constant.
  public static func spearman(_ predictions: [Double], _ truths: [Double]) -> Double {
    let (x, y) = (ranks(predictions), ranks(truths))
    let center = Double(x.count + 1) / 2
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (a, b) in paired(x, y) {
      xy += (a - center) * (b - center)
      xx += (a - center) * (a - center)
      yy += (b - center) * (b - center)
    }
    return xx > 0 && yy > 0 ? xy / (xx.squareRoot() * yy.squareRoot()) : .nan
  }

  /// Arithmetic mean; NaN of nothing.
  public static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private static func paired(_ predictions: [Double], _ truths: [Double]) -> [(Double, Double)] {
    precondition(predictions.count == truths.count, "\(predictions.count) predictions for \(truths.count) truths")
    return Array(zip(predictions, truths))
  }

  /// Ranks from 1.
  private static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = values, start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}
