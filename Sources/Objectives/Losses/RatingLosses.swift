// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch

/// The losses of a head's outputs, as sums.
extension RatingObjective {
  /// Sums over pairs: the loss, then what centring asks for.
  func pairwise(_ scores: Tensor, _ pairs: [ComparisonTarget]) -> [Tensor] {
    func rows(_ positions: [Int]) -> Tensor {
      scores.indexSelect(0, Tensor(positions.map(Int64.init), device: scores.device))
    }
    if loss.givesEmbeddings {
      let preference = GeneralPreference(temperature: temperature)
      return [preference.losses(rows(pairs.map(\.chosen)), over: rows(pairs.map(\.rejected))).sum()]
    }
    torchPrecondition(scores.size(1) == 1, "scores \(scores.shape) of pairs")
    func read(_ positions: [Int]) -> Tensor { rows(positions).select(1, 0) }
    let chosen = read(pairs.map(\.chosen)), rejected = read(pairs.map(\.rejected))
    let margins = Tensor(pairs.map(\.margin)).to(scores.device, dtype: scores.dtype)
    let difference = chosen - rejected
    let losses =
      switch loss {
      case .marginBradleyTerry: -(difference - margins).logSigmoid()
      case .scaledBradleyTerry: -(margins * difference.logSigmoid())
      default: -difference.logSigmoid()
      }
    return [losses.sum()] + (centering == nil ? [] : [(chosen + rejected).square().sum()])
  }

  /// Sum over pairs of the loss of their texts, where there is one.
  func texts(_ logProbabilities: Tensor?, _ supervision: Supervision) -> [Tensor] {
    guard let text else { return [] }
    guard let logProbabilities else { preconditionFailure("no log-probabilities of the texts of \(loss)") }
    let pairs = supervision.comparisons.count
    precondition(
      supervision.documents.count == 2 * pairs, "\(supervision.documents.count) documents of \(pairs) pairs")
    let sums = DocumentSums(supervision.documents, like: logProbabilities).sum(logProbabilities)
    return [text.losses(ofTexts: sums.view([pairs, 2])).sum()]
  }

  /// Σ over lists, those of one length at a time. A list is a group of documents, of which each is rated: documents and
  /// ratings of a batch have the same order.
  func listwise(_ scores: Tensor, _ supervision: Supervision) -> Tensor {
    torchPrecondition(scores.size(1) == 1, "scores \(scores.shape) of lists")
    precondition(
      supervision.ratings.count == supervision.documents.count,
      "\(supervision.ratings.count) ratings of \(supervision.documents.count) documents in lists")
    let lengths = Set(supervision.groups.map(\.documents.count)).sorted()
    return lengths.reduce(scores.sum() * 0) { sum, length in
      let groups = supervision.groups.filter { $0.documents.count == length }
      let positions = groups.flatMap { $0.documents.map { Int64(supervision.ratings[$0].pooledPosition) } }
      let rewards = scores.select(1, 0).indexSelect(0, Tensor(positions, device: scores.device))
        .view([groups.count, length])
      func tensor(_ values: [Double], _ shape: [Int]) -> Tensor {
        Tensor(values, shape: shape).to(scores.device, dtype: scores.dtype)
      }
      if loss == .listwise {
        let target = groups.flatMap { group in
          GroupTarget.scores(temperature: temperature).values(of: group.worth) ?? [Double](repeating: 0, count: length)
        }
        return sum - (tensor(target, [groups.count, length]) * rewards.logSoftmax(1)).sum()
      }
      // Whom each response is chosen among: all that are not better.
      let isBetter = groups.flatMap { group -> [Double] in
        guard case .scores(let own) = group.worth else { return [Double](repeating: 0, count: length * length) }
        return own.flatMap { score in own.map { $0 > score ? -Double.infinity : 0 } }
      }
      let among = rewards.unsqueeze(1) + tensor(isBetter, [groups.count, length, length])
      return sum + (among.logSumExp(2) - rewards).sum()
    }
  }

  /// Σ (r − y)² over the numbers that are given.
  func squaredErrors(_ scores: Tensor, _ ratings: [RatingTarget]) -> Tensor {
    let outputs = scores.size(1)
    torchPrecondition(ratings.allSatisfy { $0.values.count == outputs }, "ratings for a head of \(outputs) outputs")
    // Where in the flat scores a number is given, so that what is missing has no part in value or gradient.
    let given = ratings.flatMap { rating in
      rating.values.enumerated().compactMap { output, value in
        value.map { (rating.pooledPosition * outputs + output, $0) }
      }
    }
    let index = Tensor(given.map { Int64($0.0) }, device: scores.device)
    let values = Tensor(given.map(\.1)).to(scores.device, dtype: scores.dtype)
    return (scores.flatten().indexSelect(0, index) - values).square().sum()
  }
}
