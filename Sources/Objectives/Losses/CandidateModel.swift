// SPDX-License-Identifier: Apache-2.0
import Torch

/// The model's distribution over the candidates of some metric tokens, beside their targets, and what can be measured
/// of the two. Every divergence is `[n]`.
struct CandidateModel {
  /// log p_θ over the candidates, `[n, K]`.
  let logQ: Tensor
  /// log p_θ(V_d) `[n]`, if the distance loss looks at the vocabulary.
  let logMass: Tensor?
  /// The targets, `[n, K]`.
  let p: () -> Tensor
  /// Their logarithms, `[n, K]`, 0 where p is 0.
  let logP: () -> Tensor

  /// KL between target and model. Identity (i): over the vocabulary it is larger by −log p_θ(V_d).
  func divergence(_ direction: DistanceLoss.Direction) -> Tensor {
    withPush(direction == .forward ? (p() * (logP() - logQ)).sum(1) : (logQ.exp() * (logQ - logP())).sum(1))
  }

  /// Σ p_θ·cost, squared if asked for; `costs` `[n, K]`.
  func cost(_ costs: Tensor, isSquared: Bool) -> Tensor {
    let mean = (logQ.exp() * costs).sum(1)
    return isSquared ? mean.square() : mean
  }

  /// Σ p_θ(v)·‖u(x) − u(v)‖², `[n]`, without a table of distances.
  ///
  /// - Parameters:
  ///   - vectors: u of the candidates, `[K, D]`.
  ///   - targets: u of the target tokens, `[n, D]`.
  func expectedSquare(_ vectors: Tensor, from targets: Tensor) -> Tensor {
    let p = logQ.exp(), mean = p.mm(vectors)
    let lengths = p.mm(vectors.square().sum(1, keepDim: true)).select(1, 0)
    return targets.square().sum(1) + lengths - (targets * mean).sum(1) * 2
  }

  /// Over the vocabulary: m·cost + (1 − m)·(that of all other tokens).
  func withOutside(_ cost: Tensor, _ outside: @autoclosure () -> Double) -> Tensor {
    guard let mass = logMass?.exp() else { return cost }
    return mass * cost + (1 - mass) * outside()
  }

  /// KL(p_θ ‖ p_d) estimated from samples, with REINFORCE's gradient
  /// (``Divergence/policyGradient(samples:baseline:)``).
  ///
  /// - Parameter uniforms: `[n, S]` float64 in [0, 1), turned into candidates by the inverse of p_θ's cumulative sums.
  func sampledDivergence(_ uniforms: Tensor, _ baseline: Divergence.Baseline) -> Tensor {
    // Candidates whose cumulative sum is passed; the last sum is 1 but for rounding, so it is left out.
    let cumulative = logQ.detach().to(.float64).exp().cumsum(1).narrow(1, 0, logQ.size(1) - 1)
    let drawn = (cumulative.unsqueeze(1) .<= uniforms.unsqueeze(2)).sum(2)
    let logChosen = logQ.gather(1, drawn)
    let regret = (logChosen - logP().gather(1, drawn)).detach()  // −R: log p_θ(v)/p_d(v), [n, S]
    // The factor is 0 in value and ∇ log p_θ in gradient.
    let push = logChosen - logChosen.detach()
    return withPush((regret + (regret - baseline.value(regret)) * push).mean(1))
  }

  private func withPush(_ divergence: Tensor) -> Tensor { logMass.map { divergence - $0 } ?? divergence }
}

extension Divergence.Baseline {
  /// Baseline of rewards (or regrets) `[n, S]`.
  fileprivate func value(_ rewards: Tensor) -> Tensor {
    switch self {
    case .none: return rewards.zerosLike()
    case .leaveOneOut: return (rewards.sum(1, keepDim: true) - rewards) / Double(rewards.size(1) - 1)
    }
  }
}
