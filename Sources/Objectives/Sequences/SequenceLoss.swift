// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
import Torch

extension SequenceObjective {
  /// The loss of groups of documents from what is known of their tokens: a pure function.
  ///
  /// - Parameters:
  ///   - values: `[N]` each.
  ///   - supervision: `documents` end to end in the N tokens, `groups`, `anchor`.
  ///   - denominators: those of the whole optimizer step.
  public func callAsFunction(
    _ values: SequenceValues, supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    let documents = Documents(self, values, supervision)
    let scale = 1 / max(denominators.supervised, 1)
    var sums = [link(documents)]
    if crossEntropy != 0 {
      let best = -(documents.logProbabilities * documents.best).sum()
      sums.append(best * (denominators.supervised / max(denominators.weights.first ?? 0, 1)))
    }
    if tokenRewards != 0 { sums.append(tokenRewards(documents)) }
    if let penalties {
      let own = [(penalties.reward, values.weights), (penalties.divergence, values.divergenceWeights)]
      sums.append(
        own.reduce(sums[0].zerosLike()) { sum, penalty in
          penalty.1.map { sum + $0.abs().sum() * penalty.0 } ?? sum
        })
    }
    let terms = zip(lossTerms, sums).map { LossValue.Term(name: $0.name, weight: $0.weight, value: $1 * scale) }
    var loss = LossValue(
      total: terms.dropFirst().reduce(terms[0].value * terms[0].weight) { $0 + $1.weight * $1.value },
      lossTerms: terms.map { .init(name: $0.name, weight: $0.weight, value: $0.value.detach()) })
    loss.measurements = noGrad { measurements(documents) }
    return loss
  }

  /// λ of the sums of given masks.
  var penalties: (reward: Double, divergence: Double)? {
    guard case .given(let reward, let divergence) = weights, reward != 0 || divergence != 0 else { return nil }
    return (reward, divergence)
  }

  /// Σ over groups of the link's loss; groups of one size at a time.
  private func link(_ documents: Documents) -> Tensor {
    documents.blocks.reduce(Tensor.zeros([], dtype: documents.m.dtype, device: documents.m.device)) { sum, block in
      let groups = GroupRewards(
        unscaled: block.read(documents.m), beta: reward.beta,
        target: block.tensor { group in
          guard let values = target.values(of: group.worth) else {
            preconditionFailure("\(name) does not read \(group.worth)")
          }
          return values
        }, best: block.tensor { $0.worth.chosen }, anchor: documents.anchor)
      return sum + (link.losses(groups) * block.weights).sum()
    }
  }

  /// T-REG's term: −σ(x_others − x_best)·β Σ r·log π, summed over groups.
  private func tokenRewards(_ documents: Documents) -> Tensor {
    guard let rewards = documents.values.rewards else { preconditionFailure("\(name) reads token rewards") }
    let likelihoods = documents.sums.sum(rewards * documents.values.logProbabilities) * reward.beta
    return documents.blocks.reduce(Tensor.zeros([], dtype: likelihoods.dtype, device: likelihoods.device)) {
      sum, block in
      let x = block.read(documents.m).detach() * reward.beta, best = block.tensor { $0.worth.chosen }
      let others = (x * (1 - best)).sum(1) * (1 / Double(max(block.size - 1, 1)))
      let doubt = (others - (x * best).sum(1)).sigmoid()
      return sum - (doubt * block.read(likelihoods).sum(1) * block.weights).sum()
    }
  }
}

/// The documents of a batch, their rewards, and the groups they make.
struct Documents {
  let values: SequenceValues
  let sums: DocumentSums
  /// Σ log π `[D]`
  let logProbabilities: Tensor
  /// m `[D]`
  let m: Tensor
  /// m as it is reported: a sum over tokens where a base measure is in it, whatever the loss reads. `[D]`
  let reported: Tensor
  /// 1 for the best of each group, `[D]`.
  let best: Tensor
  let blocks: [Block]
  let anchor: Double

  init(_ objective: SequenceObjective, _ values: SequenceValues, _ supervision: Supervision) {
    let logs = values.logProbabilities, reward = objective.reward
    self.values = values
    sums = DocumentSums(supervision.documents, like: logs)
    logProbabilities = sums.sum(logs)
    var chosen = [Double](repeating: 0, count: sums.count)
    for group in supervision.groups {
      for (document, share) in zip(group.documents, group.worth.chosen) { chosen[document] = share }
    }
    best = sums.each(chosen, like: logs)
    var scores = logs
    if reward.score == .logRatio {
      guard let reference = values.reference else {
        preconditionFailure("\(objective.name) reads log-probabilities of a reference model")
      }
      scores = logs - reference
    }
    switch objective.weights {
    case .ones: break
    case .given: if let weights = values.weights { scores = scores * weights }
    case .critical:
      guard let weights = values.weights else { preconditionFailure("\(objective.name) reads weights of tokens") }
      let isBest = sums.spread(best)
      scores = scores * (isBest * weights + (1 - isBest) * (1 - weights))
    }
    let sum = sums.sum(scores)
    var m = reward.length == .mean ? sums.means(sum) : sum
    if reward.score == .logOdds { m = m - (-m.expm1()).log() }
    var reported = reward.score == .logRatio ? sum : reward.length == .mean ? sums.means(sum) : sum
    if let term = reward.divergence {
      guard let divergence = values.divergence else { preconditionFailure("\(objective.name) reads divergences") }
      let own = sums.sum(values.divergenceWeights.map { divergence * $0 } ?? divergence)
      // As much as the others', but without a gradient where that is asked for.
      let held = term.isHeldForBest ? own * (1 - best) + own.detach() * best : own
      m = m + held * term.coefficient
      reported = reported + own
    }
    (self.m, self.reported) = (m, reported)
    blocks = Block.all(supervision.groups, like: m)
    anchor = supervision.anchor ?? 0
  }

  /// Groups of the same number of responses.
  struct Block {
    /// K
    let size: Int
    let groups: [DocumentGroup]
    /// Factor of each, `[G]`.
    let weights: Tensor
    private let index: Tensor

    static func all(_ groups: [DocumentGroup], like: Tensor) -> [Block] {
      let sizes = Set(groups.map(\.documents.count)).sorted()
      return sizes.map { size in Block(groups.filter { $0.documents.count == size }, size, like: like) }
    }

    private init(_ groups: [DocumentGroup], _ size: Int, like: Tensor) {
      (self.groups, self.size) = (groups, size)
      index = Tensor(groups.flatMap { $0.documents.map(Int64.init) }, device: like.device)
      weights = Tensor(groups.map(\.weight)).to(like.device, dtype: like.dtype)
    }

    /// A number of each document `[D]` by group, `[G, K]`.
    func read(_ documents: Tensor) -> Tensor { documents.indexSelect(0, index).view([groups.count, size]) }

    /// Plain numbers of each group as `[G, K]`.
    func tensor(_ values: (DocumentGroup) -> [Double]) -> Tensor {
      Tensor(groups.flatMap(values), shape: [groups.count, size]).to(weights.device, dtype: weights.dtype)
    }
  }
}
