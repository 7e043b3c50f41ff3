// SPDX-License-Identifier: Apache-2.0
import Torch

extension FeatureStatistics {
  /// Fréchet distance of two normal distributions (Dowson and Landau 1982; Heusel et al. 2017, eq. 6):
  /// |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½.
  ///
  /// With Σ = A Aᵀ the last trace is the sum of the singular values of A₁ᵀA₂. Unlike a root of the product it is real
  /// and keeps its digits where a covariance is singular, as it is for fewer images than features.
  public func frechetDistance(to other: FeatureStatistics) -> Double {
    torchPrecondition(mean.shape == other.mean.shape, "features of \(mean.shape) and \(other.mean.shape)")
    return noGrad {
      let difference = (mean - other.mean).square().sum().item()
      let (a, b) = (factor(), other.factor())
      let root = a.size(1) > 0 && b.size(1) > 0 ? a.transpose(0, 1).mm(b).singularValues().sum().item() : 0
      // Rounding can leave a tiny negative number where the two are equal.
      return Swift.max(0, difference + trace + other.trace - 2 * root)
    }
  }

  private var trace: Double { (covariance * Tensor.eye(mean.size(0), dtype: .float64)).sum().item() }

  /// A `[D, r]` with A Aᵀ = Σ, where r is Σ's rank.
  private func factor() -> Tensor {
    let (values, vectors) = covariance.symmetricEigen()
    let size = mean.size(0)
    // What is smaller than rounding is 0, and its root would not be small.
    let threshold = Swift.max(0, values.select(0, size - 1).item()) * Double(size) * .ulpOfOne
    let rank = (values .> threshold).sum().intItem()
    let kept = (values.narrow(0, size - rank, rank), vectors.narrow(1, size - rank, rank))
    return kept.1 * kept.0.sqrt()
  }
}
