// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// d(x, y) = |x − y|. The target is then a discrete Laplace distribution of scale τ.
public struct AbsoluteDistance: ValueDistance, NamedDistance {
  /// `absolute`
  public static let name = "absolute"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// d(x, z) ≤ d(x, y) + d(y, z).
  public let satisfiesTriangleInequality = true

  /// No parameters.
  public init() {}
  /// No parameters.
  public init(_ parameters: DistanceParameters) { self.init() }

  /// d(x, y).
  public func distance(from x: Double, to y: Double) -> Double { abs(x - y) }
  /// With τ = b a Laplace distribution.
  public var betweenNumbers: NumberDistance { .absolute }
}

extension Distance where Self == AbsoluteDistance {
  /// |x − y|
  public static var absolute: AbsoluteDistance { AbsoluteDistance() }
}
