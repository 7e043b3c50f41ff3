// SPDX-License-Identifier: Apache-2.0
/// How two lists of values move together.
public enum Correlation: Sendable, Hashable {
  /// Pearson's r: along a straight line.
  case pearson
  /// Spearman's ρ: in the same order. Ties share ranks.
  case spearman

  /// The coefficient in -1...1; NaN for fewer than two pairs, a list without spread or a NaN among the values.
  public func callAsFunction(_ x: [Double], _ y: [Double]) -> Double {
    precondition(x.count == y.count, "\(x.count) values against \(y.count)")
    guard x.count > 1, !x.contains(where: \.isNaN), !y.contains(where: \.isNaN) else { return .nan }
    switch self {
    case .pearson: return Self.pearson(x, y)
    case .spearman: return Self.pearson(ranks(x), ranks(y))
    }
  }

  private static func pearson(_ x: [Double], _ y: [Double]) -> Double {
    let (x, y) = (deviations(x), deviations(y))
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      xy += a * b
      xx += a * a
      yy += b * b
    }
    guard xx > 0, yy > 0 else { return .nan }
    return max(-1, min(1, xy / (xx.squareRoot() * yy.squareRoot())))
  }

  /// Differences from the mean; in parts of the largest where their squares would not fit a double.
  private static func deviations(_ values: [Double]) -> [Double] {
    let mean = Measurements(values).mean, differences = values.map { $0 - mean }
    let largest = differences.reduce(0) { max($0, abs($1)) }
    return largest < 1e150 && (largest > 1e-150 || largest == 0) ? differences : differences.map { $0 / largest }
  }
}

/// Ranks from 1, ties sharing the mean of theirs.
func ranks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
    start = end
  }
  return ranks
}
