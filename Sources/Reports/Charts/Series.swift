// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Values along an axis, drawn in one colour.
public struct Series: Sendable, Hashable {
  /// One value, and where it may lie.
  public struct Point: Sendable, Hashable {
    /// Place along the horizontal axis.
    public var x: Double
    /// The value; not finite: the line is interrupted.
    public var y: Double
    /// Range of the value.
    public var range: ClosedRange<Double>?

    /// Memberwise.
    public init(_ x: Double, _ y: Double, range: ClosedRange<Double>? = nil) {
      self.x = x
      self.y = y
      self.range = range
    }
  }

  /// How the points are drawn.
  public enum Style: Sendable, Hashable {
    /// A line, with a symbol at each point where there are few.
    case line
    /// A dashed line without symbols: somebody else's figures, a target.
    case dashed
    /// A thin, pale line without symbols: raw values behind smoothed ones.
    case faint
    /// Symbols alone.
    case points
    /// Bars from 0, each `width` wide and centred on its x.
    case bins(width: Double)
  }

  /// How ranges are drawn.
  public enum Spread: Sendable, Hashable {
    /// A band behind the line.
    case band
    /// A whisker at each point.
    case whiskers
  }

  /// Name in the legend.
  public var name: String
  /// The points, from the left.
  public var points: [Point]
  /// How the points are drawn.
  public var style: Style
  /// How ranges are drawn.
  public var spread: Spread
  /// Which of the palette's eight colours (and symbols); nil: the next one.
  public var color: Int?

  /// Memberwise.
  public init(
    _ name: String, _ points: [Point], style: Style = .line, spread: Spread = .band, color: Int? = nil
  ) {
    self.name = name
    self.points = points
    self.style = style
    self.spread = spread
    self.color = color
  }

  /// One point for each x: mean of the measurements there, with their standard deviation as range.
  public init(
    _ name: String, means: [(x: Double, y: Measurements)], style: Style = .line, spread: Spread = .band,
    color: Int? = nil
  ) {
    let points = means.map { x, y in
      let (mean, deviation) = (y.mean, y.standardDeviation)
      return Point(x, mean, range: (mean - deviation).isFinite ? mean - deviation...mean + deviation : nil)
    }
    self.init(name, points, style: style, spread: spread, color: color)
  }

  /// How many values fall into each of `bins` equal parts of their common range, for each list of values.
  ///
  /// Values that are not finite are left out. With `asShares`, parts of one, so that lists of unequal length compare.
  public static func histograms(_ lists: [(name: String, values: [Double])], bins: Int = 30, asShares: Bool = false)
    -> [Series]
  {
    precondition(bins > 0, "\(bins) bins")
    let all = lists.flatMap(\.values).filter { abs($0) <= 1e300 }
    guard let low = all.min(), let high = all.max() else { return lists.map { Series($0.name, []) } }
    // Two of the smallest numbers may be too near for parts between them.
    let isSpread = (high - low) / Double(bins) > 0
    let width = isSpread ? (high - low) / Double(bins) : 1
    let start = isSpread ? low : low - width / 2
    return lists.map { name, values in
      var counts = [Double](repeating: 0, count: isSpread ? bins : 1)
      let shown = values.filter { abs($0) <= 1e300 }
      for value in shown {
        // The largest value belongs to the last bin.
        counts[min(counts.count - 1, Int((value - start) / width))] += 1
      }
      let unit = asShares ? max(1, Double(shown.count)) : 1
      let points = counts.enumerated().map { Point(start + (Double($0) + 0.5) * width, $1 / unit) }
      return Series(name, points, style: .bins(width: width))
    }
  }

  /// The same points, each the mean of those before it with weights that fall to one half over `halfLife` points.
  ///
  /// The first points are means of what there is (the bias of a start at 0 is divided out); gaps stay gaps.
  public func smoothed(halfLife: Double) -> Series {
    precondition(halfLife > 0, "half-life \(halfLife)")
    let keep = pow(0.5, 1 / halfLife)
    var (sum, weight) = (0.0, 0.0)
    var series = self
    for index in points.indices where points[index].y.isFinite {
      (sum, weight) = (keep * sum + points[index].y, keep * weight + 1)
      series.points[index].y = sum / weight
      series.points[index].range = nil
    }
    return series
  }

  /// At most about `2 * columns` points: of each column's, the lowest and the highest, so that no spike is lost.
  func thinned(to columns: Int) -> [Point] {
    guard points.count > 3 * columns else { return points }
    let size = Double(points.count) / Double(columns)
    return (0..<columns).flatMap { column -> [Point] in
      let part = points[Int(Double(column) * size)..<Int(Double(column + 1) * size)]
      let finite = part.indices.filter { part[$0].y.isFinite }
      guard let low = finite.min(by: { part[$0].y < part[$1].y }),
        let high = finite.max(by: { part[$0].y < part[$1].y })
      else { return Array(part.prefix(1)) }
      return Set([low, high]).sorted().map { part[$0] }
    }
  }
}

/// A value to compare with, drawn across the whole chart.
public struct ReferenceLine: Sendable, Hashable {
  /// Its title.
  public var name: String
  /// Where it lies on the vertical axis.
  public var y: Double

  /// Memberwise.
  public init(_ name: String, y: Double) {
    self.name = name
    self.y = y
  }
}
