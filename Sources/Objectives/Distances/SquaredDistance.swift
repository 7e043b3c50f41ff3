// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// d(x, y) = (x − y)², the paper's own for digits and scores (section 2.2, "Example").
///
/// The target is then a discrete Gaussian of variance τ/2. Not a metric: 0 → 2 is 4, by way of 1 it is 2.
public struct SquaredDistance: ValueDistance, NamedDistance {
  /// `squared`
  public static let name = "squared"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// False: two steps of 1 are shorter than one of 2.
  public let satisfiesTriangleInequality = false

  /// No parameters.
  public init() {}
  /// No parameters.
  public init(_ parameters: DistanceParameters) { self.init() }

  /// d(x, y).
  public func distance(from x: Double, to y: Double) -> Double { (x - y) * (x - y) }
  /// With τ = 2σ² a normal distribution.
  public var betweenNumbers: NumberDistance { .squared }
}

extension Distance where Self == SquaredDistance {
  /// (x − y)²
  public static var squared: SquaredDistance { SquaredDistance() }
}
