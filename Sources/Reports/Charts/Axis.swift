// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One side of a chart.
public struct Axis: Sendable, Hashable {
  /// How values become places.
  public enum Scale: Sendable, Hashable {
    /// Equal differences, equal distances.
    case linear
    /// Equal ratios, equal distances. Values of 0 and below have no place and are left out.
    case logarithmic
  }

  /// Shown figure, with its unit.
  public var label: String
  /// How values become places.
  public var scale: Scale
  /// First and last value; nil: as the data ask.
  public var range: ClosedRange<Double>?
  /// Whether 0 is shown even if no value is near it. Only for linear scales.
  public var includesZero: Bool

  /// Memberwise.
  public init(
    _ label: String = "", scale: Scale = .linear, range: ClosedRange<Double>? = nil, includesZero: Bool = false
  ) {
    self.label = label
    self.scale = scale
    self.range = range
    self.includesZero = includesZero
  }

  /// Whether `value` has a place on this axis.
  func shows(_ value: Double) -> Bool {
    // Beyond 1e300 differences overflow; nothing measured is there.
    abs(value) <= 1e300 && (scale == .linear || value >= 1e-300)
  }

  /// The axis as it is drawn for these values, with about `count` marks.
  ///
  /// - Parameter nice: whether the ends move outwards to the next mark.
  func resolved(for values: [Double], marks count: Int, nice: Bool = true) -> ResolvedAxis {
    let shown = values.filter(shows)
    var (low, high) = (shown.min() ?? (scale == .linear ? 0 : 1), shown.max() ?? (scale == .linear ? 1 : 10))
    if includesZero, scale == .linear { (low, high) = (min(low, 0), max(high, 0)) }
    if let range, shows(range.lowerBound), shows(range.upperBound) {
      (low, high) = (range.lowerBound, range.upperBound)
    }
    if low == high, low == 0, includesZero {
      high = 1  // nothing but zeros: bars have no height, and nothing lies below
    } else if low == high {  // one value: some room on both sides
      let margin = scale == .logarithmic ? 0 : max(abs(low) * 0.1, 1e-3)
      (low, high) = scale == .logarithmic ? (low / 2, high * 2) : (low - margin, high + margin)
    }
    let keepsEnds = range != nil || !nice
    switch scale {
    case .linear:
      var step = niceStep(for: (high - low) / Double(max(1, count)))
      // Whole numbers, of examples or steps, get whole marks.
      if shown.allSatisfy({ $0 == $0.rounded() }), step != step.rounded() { step = max(1, 2 * step) }
      if !keepsEnds { (low, high) = ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step) }
      return ResolvedAxis(scale: scale, low: low, high: high, marks: linearMarks(low, high, step))
    case .logarithmic:
      let marks = logarithmicMarks(low, high, count)
      return ResolvedAxis(scale: scale, low: low, high: high, marks: marks)
    }
  }
}

/// An axis with its ends and marks settled.
struct ResolvedAxis: Sendable {
  var scale: Axis.Scale
  var low: Double
  var high: Double
  var marks: [Mark]

  struct Mark: Sendable {
    var value: Double
    var label: String
  }

  /// The place of a value, 0 at the low end and 1 at the high end; nil if it has none or lies outside.
  func place(_ value: Double) -> Double? {
    guard let share = unboundedPlace(value), (-1e-9...1 + 1e-9).contains(share) else { return nil }
    return min(1, max(0, share))
  }

  /// The place of a value, moved to the nearer end if it lies outside; nil if it is not a number.
  func clampedPlace(_ value: Double) -> Double? {
    if value.isNaN { return nil }
    if scale == .logarithmic, value <= 0 { return 0 }
    return unboundedPlace(value).map { min(1, max(0, $0)) } ?? (value < low ? 0 : 1)
  }

  private func unboundedPlace(_ value: Double) -> Double? {
    guard value.isFinite, abs(value) <= 1e300 else { return nil }
    switch scale {
    case .linear: return (value - low) / (high - low)
    case .logarithmic: return value > 0 ? (log10(value) - log10(low)) / (log10(high) - log10(low)) : nil
    }
  }
}
