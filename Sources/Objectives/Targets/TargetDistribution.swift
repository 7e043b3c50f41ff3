// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
import Torch

/// The target distribution around each metric token (equation 4):
///
///     p_d(v | x) = q(v)·exp(−d(v, x)/τ) / Σ_{v' ∈ V_d} q(v')·exp(−d(v', x)/τ)
///
/// with the space's base measure q (uniform in the paper). It is the optimum of E_{v∼p}[−d(v, x)] + τ·H(p)
/// (section 2.3), whose value is τ·log Z.
public struct TargetDistribution: Sendable {
  /// d
  public var distance: any Distance
  /// τ
  public var temperature: Temperature

  /// Mass falls with this distance, at this temperature.
  public init(_ distance: some Distance, temperature: Temperature) {
    self.distance = distance
    self.temperature = temperature
  }

  /// Label smoothing over the space: mass ε spread over all candidates (section 3.6; Szegedy et al. 2016;
  /// docs/paper-map.md Q16).
  public static func labelSmoothing(_ epsilon: Double) -> TargetDistribution {
    TargetDistribution(.discrete, temperature: .labelSmoothing(epsilon))
  }

  /// All mass on the target token: no distance at all (equation 8).
  public static let oneHot = TargetDistribution(.discrete, temperature: 0)

  /// This target over a space: temperatures solved for, tables computed.
  ///
  /// - Throws: `ObjectiveError` if the distance cannot rate the space or the temperature does not exist.
  public func resolved(over space: TokenSpace) throws -> ResolvedTarget { try ResolvedTarget(self, over: space) }
}

extension Tensor {
  /// Elements of `a` where the condition holds, a number elsewhere.
  static func select(_ condition: Tensor, _ a: Tensor, _ number: Double) -> Tensor {
    select(condition, a, Tensor(scalar: number).to(a.device, dtype: a.dtype))
  }
}

/// log p ∝ log q − d/τ over the last dimension, stable for every τ in 0 … ∞.
///
/// - Parameters:
///   - distances: `[n, K]`, float64.
///   - logBase: log q `[K]`, −∞ where there is no mass; nil for uniform.
///   - temperature: τ `[n, 1]` or `[1, 1]`.
/// - Returns: log p `[n, K]`, −∞ where there is no mass.
func logTarget(_ distances: Tensor, logBase: Tensor?, temperature: Tensor) -> Tensor {
  // Only differences to the nearest candidate with mass matter: so d/τ may overflow everywhere but there.
  let rated = logBase.map { Tensor.select($0.isFinite(), distances, .infinity) } ?? distances
  let excess = (distances - rated.min(1, keepDim: true)).clamp(0, nil)
  // 0/0 at the nearest as τ → 0 is 0; everything else is beyond reach.
  let energy = Tensor.select(excess.equals(0), excess, excess / temperature)
  let scores = logBase.map { $0 - energy } ?? -energy
  return scores.logSoftmax(1)
}
