// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rewards of single tokens, made of log-ratios or of the scores of a response's beginnings: for a look at where a reward
/// comes from, and as what reinforcement learning elsewhere may read.
public enum TokenRewards {
  /// β·(log π − log π_ref) of each token: what the response's reward is the sum of (implicit PRM, Yuan et al. 2024,
  /// arXiv 2412.01981).
  public static func implicit(_ policy: [Double], _ reference: [Double], beta: Double) -> [Double] {
    precondition(policy.count == reference.count, "\(policy.count) tokens against \(reference.count)")
    return zip(policy, reference).map { beta * ($0 - $1) }
  }

  /// σ(log π₊ − log π₋) − ½ of each token, of one model after an instruction to answer well and after one to answer badly
  /// (T-REG, Zhou et al. 2024, arXiv 2412.02685).
  public static func contrastive(_ better: [Double], _ worse: [Double]) -> [Double] {
    precondition(better.count == worse.count, "\(better.count) tokens against \(worse.count)")
    // Half a hyperbolic tangent, which loses nothing near 0.
    return zip(better, worse).map { tanh(($0 - $1) / 2) / 2 }
  }

  /// Sums up to each token: the score of a step is that at its last token.
  public static func cumulative(_ rewards: [Double]) -> [Double] {
    var sum = 0.0
    return rewards.map {
      sum += $0
      return sum
    }
  }

  /// clip(β₁·(log π_dpo − log π_ref), ±c) − β₂·(log π − log π_ref), and R more at the last token (RTO, Zhong et al. 2024,
  /// arXiv 2404.18922; the numbers are those of its script).
  ///
  /// - Parameters:
  ///   - dpo: log-probabilities of the model that was trained on preferences.
  ///   - policy: those of the model that is being trained.
  ///   - terminal: R, the reward of the whole response.
  public static func rto(
    dpo: [Double], policy: [Double], reference: [Double], terminal: Double = 0, beta: Double = 0.05,
    penalty: Double = 0.01, clip: Double = 0.05
  ) -> [Double] {
    precondition(clip >= 0, "a clip of \(clip)")
    let preferred = implicit(dpo, reference, beta: beta), distance = implicit(policy, reference, beta: penalty)
    var rewards = zip(preferred, distance).map { min(max($0, -clip), clip) - $1 }
    if !rewards.isEmpty { rewards[rewards.count - 1] += terminal }
    return rewards
  }

  /// R(x, y≤t) − R(x, y<t): differences of a reward model's scores of a response's beginnings (RED, Li et al. 2024,
  /// arXiv 2411.08302). They sum to the score of the whole less that of nothing.
  ///
  /// - Parameter scores: of the beginnings of 0, 1, … tokens.
  public static func redistributed(_ scores: [Double]) -> [Double] {
    zip(scores.dropFirst(), scores).map { $0 - $1 }
  }
}
