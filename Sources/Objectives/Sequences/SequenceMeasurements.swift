// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch

extension SequenceObjective {
  /// Names of the means that are reported beside the loss, TRL's: `rewards/chosen`, `rewards/rejected`,
  /// `rewards/margins`, `rewards/accuracies`, `logps/chosen`, `logps/rejected`; of single responses `kl` instead of
  /// margins and accuracies, where there is one.
  ///
  /// A reward is β times the sum of log-ratios, also where the loss reads their mean; without a reference model, what
  /// the loss reads. Of more than two responses the best one counts as chosen and the mean of the others as rejected,
  /// and the accuracy is the share of pairs of unequal scores whose rewards are in the same order.
  public var measurementNames: [String] {
    let common = ["rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected"]
    if target != .labels { return common + ["rewards/margins", "rewards/accuracies"] }
    return common + (needsMismatchedRewards ? ["kl"] : [])
  }

  /// The means of a batch, in the order of ``measurementNames``.
  func measurements(_ documents: Documents) -> [LossValue.Measurement] {
    let sums = documents.blocks.map { measurements(of: $0, documents) }
    return measurementNames.enumerated().map { index, name in
      let own = sums.map { $0[index] }
      return LossValue.Measurement(
        name: name, sum: own.dropFirst().reduce(own.first?.sum ?? Tensor(scalar: 0.0)) { $0 + $1.sum },
        count: own.reduce(0) { $0 + $1.count })
    }
  }

  private func measurements(of block: Documents.Block, _ documents: Documents) -> [(sum: Tensor, count: Double)] {
    let x = block.read(documents.reported) * reward.beta, logs = block.read(documents.logProbabilities)
    let chosen = block.tensor { $0.worth.chosen }, others = Double(max(block.size - 1, 1)), count = block.groups.count
    let wanted = Double(block.groups.count { $0.worth.chosen.contains(1) })
    func best(_ values: Tensor) -> Tensor { (values * chosen).sum() }
    func rest(_ values: Tensor) -> Tensor { (values * (1 - chosen)).sum() * (1 / others) }
    // A single response that is not wanted is a rejected one.
    let rejected = block.size > 1 ? Double(count) : Double(count) - wanted
    let common = [(best(x), wanted), (rest(x), rejected), (best(logs), wanted), (rest(logs), rejected)]
    if target == .labels {
      return common
        + (needsMismatchedRewards ? [(x.zerosLike().sum() + documents.anchor * Double(count), Double(count))] : [])
    }
    return common + [(best(x) - rest(x), Double(count)), accuracy(x, block)]
  }

  /// Of each group the share of pairs of unequal scores whose rewards are strictly in the same order, summed.
  private func accuracy(_ x: Tensor, _ block: Documents.Block) -> (sum: Tensor, count: Double) {
    let size = block.size
    var weights = [Double](), counted = 0.0
    for group in block.groups {
      let scores = group.worth.scores ?? [Double](repeating: 0, count: size)
      let isBetter = scores.flatMap { left in scores.map { left > $0 ? 1.0 : 0.0 } }, pairs = isBetter.reduce(0, +)
      weights += isBetter.map { $0 / max(pairs, 1) }
      counted += pairs > 0 ? 1 : 0
    }
    let isAbove = (x.unsqueeze(2) .> x.unsqueeze(1)).to(x.dtype)
    let share = Tensor(weights, shape: [block.groups.count, size, size]).to(x.device, dtype: x.dtype)
    return ((isAbove * share).sum(), counted)
  }
}
