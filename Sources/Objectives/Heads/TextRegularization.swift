// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A reward head that keeps its model able to write: the loss of its pairs and one of their texts, read from the same
/// hidden states by the model's own last projection (GRM, Yang et al. 2024, arXiv 2406.10216).
///
///     L = (1 − w)·−log σ(r_c − r_r) + w·T,   ℓ = Σ log π of a response's tokens
public struct TextRegularization: Sendable, Hashable, Codable {
  /// T of a pair.
  public enum Term: Sendable, Hashable, Codable {
    /// −ℓ_c
    case likelihood
    /// −log σ(β·ℓ_c)
    case logistic(beta: Double)
    /// −log σ(β·(ℓ_c − ℓ_r)): DPO without a reference model.
    case preference(beta: Double)
  }

  /// T
  public var term: Term
  /// w, from 0 to 1.
  public var weight: Double

  /// - Parameter weight: 0.01 in the authors' code.
  public init(_ term: Term = .likelihood, weight: Double = 0.01) {
    precondition((0...1).contains(weight), "weight \(weight)")
    (self.term, self.weight) = (term, weight)
  }

  /// The loss of each pair, `[P]`.
  ///
  /// - Parameters:
  ///   - scores: of the head, `[P, 2]` in float32 or float64; the better response is the first.
  ///   - logProbabilities: ℓ of the same responses, `[P, 2]`.
  public func losses(scores: Tensor, logProbabilities: Tensor) -> Tensor {
    torchPrecondition(
      scores.shape.count == 2 && scores.size(1) == 2 && scores.shape == logProbabilities.shape,
      "scores \(scores.shape), log-probabilities \(logProbabilities.shape) of pairs")
    let difference = scores.select(1, 0) - scores.select(1, 1)
    return -difference.logSigmoid() * (1 - weight) + losses(ofTexts: logProbabilities) * weight
  }

  /// T of each pair, `[P]`.
  ///
  /// - Parameter logProbabilities: ℓ of responses, `[P, 2]`; the better one is the first.
  func losses(ofTexts logProbabilities: Tensor) -> Tensor {
    let chosen = logProbabilities.select(1, 0), rejected = logProbabilities.select(1, 1)
    switch term {
    case .likelihood: return -chosen
    case .logistic(let beta): return -(chosen * beta).logSigmoid()
    case .preference(let beta): return -((chosen - rejected) * beta).logSigmoid()
    }
  }
}
