/// d(x, y) = |x − y|. The target is then a discrete Laplace distribution of scale τ.
public struct AbsoluteDistance: ValueDistance {
  /// `absolute`
  public let name = "absolute"
  public let isSymmetric = true
  public let satisfiesTriangleInequality = true

  /// No parameters.
  public init() {}

  public func distance(from x: Double, to y: Double) -> Double { abs(x - y) }
}

extension Distance where Self == AbsoluteDistance {
  /// |x − y|
  public static var absolute: AbsoluteDistance { AbsoluteDistance() }
}
