// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// The shorter way round a circle: with period 360, 350 and 10 are 20 apart (docs/paper-map.md Q32).
public struct CircularDistance: ValueDistance, NamedDistance {
  /// `circular`
  public static let name = "circular"
  /// `period`
  public static let parameters = [DistanceParameter("period", .number)]
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// d(x, z) ≤ d(x, y) + d(y, z).
  public let satisfiesTriangleInequality = true
  /// Length of the circle, in the values' units.
  public let period: Double

  /// A circle of this length.
  ///
  /// - Throws: `ObjectiveError` unless the period is finite and above 0.
  public init(period: Double) throws {
    guard period.isFinite, period > 0 else {
      throw ObjectiveError("circular distance", "period \(period)", remedy: "Give a period above 0, such as 360.")
    }
    self.period = period
  }

  /// From `period`.
  public init(_ parameters: DistanceParameters) throws { try self.init(period: parameters.number("period")) }

  /// d(x, y).
  public func distance(from x: Double, to y: Double) -> Double { betweenNumbers(y, x) }
  /// The same circle.
  public var betweenNumbers: NumberDistance { .circular(period: period) }
}
