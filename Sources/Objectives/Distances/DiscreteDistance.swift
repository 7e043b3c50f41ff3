// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// The discrete metric: 0 for the same value, 1 for any other. No geometry.
///
/// The target is then label smoothing with ε = M·e^(−1/τ) / (1 + (M − 1)·e^(−1/τ)) (docs/paper-map.md, identity iii),
/// and one-hot only as τ → 0. Tokens without values differ if they are different tokens.
public struct DiscreteDistance: NamedDistance {
  /// `discrete`
  public static let name = "discrete"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// d(x, z) ≤ d(x, y) + d(y, z).
  public let satisfiesTriangleInequality = true

  /// No parameters.
  public init() {}
  /// No parameters.
  public init(_ parameters: DistanceParameters) { self.init() }

  /// Any space will do.
  public func check(_ space: TokenSpace) throws {}

  /// Distances from candidates, given by index, to all: `[n, M]`.
  public func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor {
    let values = space.values ?? (0..<space.count).map(Double.init)
    let all = Tensor(values, shape: [1, values.count])
    return all.notEquals(Tensor(candidates.map { values[$0] }, shape: [candidates.count, 1])).to(device, dtype: dtype)
  }
}

extension Distance where Self == DiscreteDistance {
  /// 0 for the same value, 1 for any other.
  public static var discrete: DiscreteDistance { DiscreteDistance() }
}
