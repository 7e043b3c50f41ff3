// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Preferences that need not be transitive: a head of 2k outputs embeds each response, and a skew-symmetric form of two
/// embeddings says which is better (general preference model, Zhang et al. 2024, arXiv 2410.02197).
///
///     s(v, w) = Σ_j λ_j·(v_{2j}·w_{2j+1} − v_{2j+1}·w_{2j}),   P(v better than w) = σ(s/τ)
///
/// s(v, w) = −s(w, v) and s(v, v) = 0. With embeddings (r, 1) it is Bradley and Terry's r − r′.
public struct GeneralPreference: Sendable, Hashable, Codable {
  /// τ > 0
  public var temperature: Double

  /// - Parameter temperature: 0.1 in the authors' code.
  public init(temperature: Double = 0.1) {
    precondition(temperature.isFinite && temperature > 0, "temperature \(temperature)")
    self.temperature = temperature
  }

  /// By how much each response is better than the other, `[P]`.
  ///
  /// - Parameters:
  ///   - chosen: embeddings `[P, 2k]` in float32 or float64.
  ///   - other: those of the other responses, as many.
  ///   - scales: λ of each of the k planes `[P, k]`, where the prompt says which matter; nil: 1.
  public func scores(_ chosen: Tensor, over other: Tensor, scales: Tensor? = nil) -> Tensor {
    let (pairs, outputs) = (chosen.size(0), chosen.size(1))
    torchPrecondition(
      outputs % 2 == 0 && chosen.shape == other.shape, "embeddings \(chosen.shape) and \(other.shape)")
    func plane(_ embeddings: Tensor, _ axis: Int) -> Tensor {
      embeddings.view([pairs, outputs / 2, 2]).select(2, axis)
    }
    let turned = plane(chosen, 0) * plane(other, 1) - plane(chosen, 1) * plane(other, 0)
    return (scales.map { turned * $0 } ?? turned).sum(1)
  }

  /// −log σ(s/τ) of each pair, `[P]`; parameters as ``scores(_:over:scales:)``.
  public func losses(_ chosen: Tensor, over other: Tensor, scales: Tensor? = nil) -> Tensor {
    -(scores(chosen, over: other, scales: scales) * (1 / temperature)).logSigmoid()
  }
}
