/// d(x, y) = (x − y)², the paper's own for digits and scores (section 2.2, "Example").
///
/// The target is then a discrete Gaussian of variance τ/2. Not a metric: 0 → 2 is 4, by way of 1 it is 2.
public struct SquaredDistance: ValueDistance {
  /// `squared`
  public let name = "squared"
  public let isSymmetric = true
  public let satisfiesTriangleInequality = false

  /// No parameters.
  public init() {}

  public func distance(from x: Double, to y: Double) -> Double { (x - y) * (x - y) }
}

extension Distance where Self == SquaredDistance {
  /// (x − y)²
  public static var squared: SquaredDistance { SquaredDistance() }
}
