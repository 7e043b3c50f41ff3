// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A distance between values, d(v, x), for targets over whole numbers.
public enum NumberDistance: Sendable, Hashable {
  /// (v − x)²: with τ = 2σ² a normal distribution of standard deviation σ.
  case squared
  /// |v − x|: with τ = b a Laplace distribution of scale b.
  case absolute
  /// The shorter way round a circle of this period: min(|v − x|, period − |v − x|), taken modulo the period.
  case circular(period: Double)
  /// (ln v − ln x)², of values above 0; others are infinitely far from those.
  case relative
  /// One that a program brings along.
  case other(AnyNumberMetric)

  /// d(v, x) ≥ 0, 0 where both are equal.
  public func callAsFunction(_ v: Double, _ x: Double) -> Double {
    switch self {
    case .squared: return (v - x) * (v - x)
    case .absolute: return abs(v - x)
    case .circular(let period):
      let difference = abs(v - x).truncatingRemainder(dividingBy: period)
      return min(difference, period - difference)
    case .relative:
      guard v > 0, x > 0 else { return v == x ? 0 : .infinity }
      let difference = log(v / x)
      return difference * difference
    case .other(let metric): return metric.base.distance(from: x, to: v)
    }
  }

  /// d(v, x) − d(nearest, x), also where both are so large that they would be equal; where all are infinitely far, 0 for
  /// the nearest alone.
  func excess(of v: Double, over nearest: Double, around x: Double) -> Double {
    switch self {
    case .squared: return (v - nearest) * ((v - x) + (nearest - x))
    case .absolute, .circular: return self(v, x) - self(nearest, x)
    case .relative:
      guard self(nearest, x).isFinite else { return v == nearest ? 0 : .infinity }
      guard v > 0, nearest > 0, x > 0 else { return self(v, x) }
      return log(v / nearest) * (log(v / x) + log(nearest / x))
    case .other:
      let least = self(nearest, x)
      return least.isFinite ? self(v, x) - least : v == nearest ? 0 : .infinity
    }
  }

  /// τ of a width in the values' own units: the standard deviation σ of a squared distance, the mean deviation b of an
  /// absolute or circular one, the standard deviation of ln v of a relative one.
  public func temperature(width: Double) -> Double {
    switch self {
    case .squared, .relative: 2 * width * width
    case .absolute, .circular: width
    case .other(let metric): metric.base.temperature(width: width)
    }
  }

  /// Whether more of a distance in value is always more of this one, on either side.
  var growsOutwards: Bool {
    switch self {
    case .squared, .absolute, .relative: true
    case .circular, .other: false
    }
  }
}

/// A distance d(x, v) between numbers of which nothing else is known: targets sum up all values of a format.
public protocol NumberMetric: Sendable, Hashable {
  /// Name in run files and reports.
  var name: String { get }
  /// d(x, v) ≥ 0, 0 where both are equal.
  func distance(from x: Double, to v: Double) -> Double
  /// τ of a width in the values' own units. By default d(0, width): a target has fallen to 1/e one width away, where
  /// distances depend on the difference alone.
  func temperature(width: Double) -> Double
}

extension NumberMetric {
  /// d(0, width).
  public func temperature(width: Double) -> Double { distance(from: 0, to: width) }
}

/// Any ``NumberMetric``.
public struct AnyNumberMetric: Sendable, Hashable {
  /// The distance.
  public let base: any NumberMetric

  /// One of these.
  public init(_ base: any NumberMetric) { self.base = base }
  /// Whether both are the same distance, with the same parameters.
  public static func == (a: AnyNumberMetric, b: AnyNumberMetric) -> Bool { AnyHashable(a.base) == AnyHashable(b.base) }
  /// By the distance and its parameters.
  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(base)) }
}

/// How wide a target is.
public enum ValueScale: Sendable, Hashable {
  /// τ itself, in units of the distance.
  case temperature(Double)
  /// Standard deviation (squared distance) or mean deviation (absolute) in the values' units.
  case width(Double)
  /// The same as a share of |x|, but at least one step of the format.
  case relative(Double)
  /// The width that each record holds in a field: one, or one a number of the metric.
  case field(String)
  /// What several raters said, in a field of each record: a mixture of one target each, of this width.
  case raters(String, width: Double)
  /// A share of a box's width and height, for numbers that are x, y, x, y of boxes; at least one step of the format.
  case box(Double)

  /// The field that each record must have.
  public var field: String? {
    switch self {
    case .field(let name), .raters(let name, _): name
    default: nil
    }
  }

  /// τ around a value, where it does not depend on the record.
  func temperature(_ distance: NumberDistance, around x: Double, step: Double) -> Double {
    switch self {
    case .temperature(let tau): tau
    case .width(let width), .raters(_, let width): distance.temperature(width: width)
    case .relative(let share): distance.temperature(width: max(share * abs(x), step))
    case .field, .box: preconditionFailure("a width that depends on the record")
    }
  }
}
