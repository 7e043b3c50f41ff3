// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// The reward x = β·m of a response: the second and third slot, score and base measure, of objectives over whole
/// responses.
///
///     m = Σ_t w_t·(log π(y_t) − log π_ref(y_t)) + c·Σ_t KL(π_ref ‖ π)_t
public struct SequenceReward: Sendable, Hashable, Codable {
  /// What is summed over the tokens of a response.
  public enum Score: String, Sendable, Hashable, Codable, CaseIterable {
    /// log π − log π_ref: the reference model is the base measure.
    case logRatio
    /// log π: the base measure is uniform, no reference model is needed.
    case logProbability
    /// log π, of whose mean ℓ̄ over tokens the reward is the log-odds, ℓ̄ − log(1 − e^ℓ̄) (ORPO).
    case logOdds
  }

  /// How a response's tokens make one number.
  public enum Length: String, Sendable, Hashable, Codable, CaseIterable {
    /// Their sum.
    case sum
    /// Their mean.
    case mean
  }

  /// KL(π_ref ‖ π) over the whole vocabulary at each token as a part of the reward (TDPO, SparsePO).
  public struct DivergenceTerm: Sendable, Hashable, Codable {
    /// c
    public var coefficient: Double
    /// Whether that of the best response has no gradient (TDPO's second form).
    public var isHeldForBest: Bool

    /// Memberwise.
    public init(coefficient: Double = 1, isHeldForBest: Bool = false) {
      (self.coefficient, self.isHeldForBest) = (coefficient, isHeldForBest)
    }
  }

  /// What is summed.
  public var score: Score
  /// β > 0.
  public var beta: Double
  /// Sum or mean.
  public var length: Length
  /// c·KL; nil for none.
  public var divergence: DivergenceTerm?

  /// Memberwise.
  public init(
    _ score: Score = .logRatio, beta: Double = 0.1, length: Length = .sum, divergence: DivergenceTerm? = nil
  ) {
    precondition(beta.isFinite && beta > 0, "beta \(beta)")
    precondition(score != .logOdds || length == .mean, "odds of a probability that is no mean over tokens")
    (self.score, self.beta, self.length, self.divergence) = (score, beta, length, divergence)
  }
}

/// Weights w of the tokens in their response's reward. They have no gradient.
public enum TokenWeights: Sendable, Hashable, Codable {
  /// 1 each.
  case ones
  /// Those given with the tokens, for the reward and for the divergence (SparsePO's two masks): 1 where none are. λ are
  /// the factors of the sums of each, which are added to the loss.
  case given(rewardPenalty: Double = 0, divergencePenalty: Double = 0)
  /// How much a token matters, c in 0 … 1: c in the best response, 1 − c in the others (critical tokens). c is the token's
  /// probability by the softmax of a mixture of other models' logits; nil: it is given with the tokens.
  case critical(by: LogitMixture? = nil)
}

extension LogitMixture {
  /// 2·log π₊ − log π₋ of models named `positive` and `negative`, which were trained on right and on wrong responses: how
  /// critical tokens are found (contrastive estimation, Lin et al. 2024, arXiv 2411.19943).
  public static let criticalTokens = LogitMixture([Part("positive", 2), Part("negative", -1)])
}
