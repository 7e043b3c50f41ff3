// SPDX-License-Identifier: Apache-2.0
public import Torch

/// The Inception Score (Salimans et al. 2016): exp of the mean divergence KL(p(y|x) ‖ p(y)) of a classifier's
/// distributions from their mean.
///
/// With the Inception network it is the Inception Score; with another it is only like it.
public struct ClassScore: Sendable, Hashable {
  /// Mean over the splits.
  public let mean: Double
  /// Standard deviation over the splits (with the count below), as papers print it.
  public let deviation: Double

  /// The score of classifier outputs.
  ///
  /// - Parameters:
  ///   - logProbabilities: `[N, K]`, logarithms of distributions.
  ///   - splits: into how many parts of (nearly) equal size the images are cut, in their order: shuffle them first if
  ///     they are sorted by class.
  ///   - weights: how often each row counts `[N]`; once if nil.
  public init(logProbabilities: Tensor, splits: Int = 10, weights: Tensor? = nil) {
    let count = logProbabilities.size(0)
    precondition(splits > 0 && splits <= count, "\(splits) splits of \(count) images")
    let logs = logProbabilities.to(.float64)
    let scores = noGrad {
      (0..<splits).map { split in
        let (start, end) = (split * count / splits, (split + 1) * count / splits)
        return Self.score(logs.narrow(0, start, end - start), weights?.narrow(0, start, end - start))
      }
    }
    let mean = scores.reduce(0, +) / Double(splits)
    self.mean = mean
    deviation = (scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(splits)).squareRoot()
  }

  private static func score(_ logs: Tensor, _ weights: Tensor?) -> Double {
    let weights = weights?.to(.float64) ?? Tensor.ones([logs.size(0)], dtype: .float64)
    let shares = (weights / weights.sum()).unsqueeze(1)
    let marginal = (logs.exp() * shares).sum(0)
    // 0 · log 0 is 0: a class without probability adds nothing.
    let floor = Double.leastNormalMagnitude
    let terms = logs.exp() * (logs.clamp(-1e4, nil) - marginal.clamp(floor, nil).log())
    return (terms.sum(1, keepDim: true) * shares).sum().exp().item()
  }
}
