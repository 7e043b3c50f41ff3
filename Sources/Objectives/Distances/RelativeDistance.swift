// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// d(x, y) = (ln x − ln y)², between values above 0: errors count by their share of the value.
public struct RelativeDistance: ValueDistance, NamedDistance {
  /// `relative`
  public static let name = "relative"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// False: two steps of a factor 2 are shorter than one of 4.
  public let satisfiesTriangleInequality = false

  /// No parameters.
  public init() {}
  /// No parameters.
  public init(_ parameters: DistanceParameters) { self.init() }

  /// d(x, y).
  public func distance(from x: Double, to y: Double) -> Double { NumberDistance.relative(y, x) }
  /// With ln v normally distributed.
  public var betweenNumbers: NumberDistance { .relative }

  /// Needs values above 0.
  public func check(_ space: TokenSpace) throws {
    try checkValues(space)
    guard let bad = space.values?.first(where: { !($0 > 0) }) else { return }
    throw ObjectiveError(
      "relative distance", "a token of space \(space.name) has the value \(bad)",
      remedy: "It is between values above 0: choose another distance, or target: value, which takes the whole number.")
  }
}
