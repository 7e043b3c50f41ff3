// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Training objective of a reward model with a head of its own: its scores r = W h at the last tokens of documents
/// shall be those that were given, or shall order pairs as they were ordered.
///
///     bradleyTerry         (1/P) Σ −log σ(Δ)          Δ = r(chosen) − r(rejected)
///     marginBradleyTerry   (1/P) Σ −log σ(Δ − m)
///     scaledBradleyTerry   (1/P) Σ −m · log σ(Δ)
///     regression           (1/n) Σ (r_k − y_k)²       over the n numbers that are given
///     listwise             (1/G) Σ −Σ_i s_i · log softmax(r)_i        s = softmax(R/τ) of the scores R of a list
///     listwiseOrder        (1/G) Σ −Σ_i log softmax(r over all that are not better than i)_i
///
/// P pairs, n numbers and G lists of responses to one prompt are those of the whole optimizer step. The last is Plackett's
/// and Luce's likelihood of the order of the scores; responses of equal scores share a rank (Breslow's form). The three pairwise losses are compared in
/// HelpSteer2-Preference (Wang et al. 2024, arXiv 2410.01257), which introduces the scaled one; the margin is that of
/// Llama 2 (Touvron et al. 2023, equation 2). Regression is HelpSteer2's (Wang et al. 2024, arXiv 2406.08673).
public struct RatingObjective: TrainingObjective, Hashable, Codable {
  /// What is asked of the scores.
  public enum Loss: String, Sendable, Hashable, Codable, CaseIterable {
    /// −log σ(Δ)
    case bradleyTerry
    /// −log σ(Δ − m)
    case marginBradleyTerry
    /// −m · log σ(Δ)
    case scaledBradleyTerry
    /// Squared error of each output.
    case regression
    /// Cross entropy of softmax(R/τ) over all responses to a prompt.
    case listwise
    /// Likelihood of the order of all responses to a prompt.
    case listwiseOrder

    /// Whether it compares pairs, with one output.
    public var comparesPairs: Bool { self != .regression && !ranksLists }
    /// Whether it ranks all responses to a prompt at once, with one output.
    public var ranksLists: Bool { self == .listwise || self == .listwiseOrder }
    /// Whether a response has one score, of no unit; otherwise a number for each that is given.
    public var givesOneScore: Bool { self != .regression }
  }

  /// What is asked of the scores.
  public var loss: Loss
  /// Weight of (1/P) Σ (r(chosen) + r(rejected))², which keeps scores near 0 (Eisenstein et al. 2023, arXiv
  /// 2312.09244; TRL's `center_rewards_coefficient`); nil for none.
  public var centering: Double?
  /// τ of the scores of a list, read by `listwise`; with 0 the best one is the target.
  public var temperature: Double

  /// - Parameters:
  ///   - centering: for pairs alone.
  ///   - temperature: for `listwise` alone.
  public init(_ loss: Loss, centering: Double? = nil, temperature: Double = 1) {
    precondition(temperature.isFinite && temperature >= 0, "temperature \(temperature)")
    precondition(centering.map { $0.isFinite && $0 >= 0 } ?? true, "centring by \(centering ?? 0)")
    precondition(centering == nil || loss.comparesPairs, "scores that are given are not centred")
    (self.loss, self.centering, self.temperature) = (loss, centering, temperature)
  }

  /// Checks that a head's outputs are those it needs: one for pairs and lists, one for each number of a rating.
  ///
  /// - Parameter values: numbers of a rating; not read for pairs and lists.
  /// - Throws: `ObjectiveError` that names both counts.
  public func check(outputs: Int, values: Int = 1) throws {
    let needed = loss.givesOneScore ? 1 : values
    guard outputs != needed else { return }
    throw ObjectiveError(
      loss.rawValue, "needs a head of \(needed) outputs, this model's has \(outputs)",
      remedy: "Make the model's head anew with \(needed).")
  }

  /// The loss by its name with weight 1, then `centering` if there is any.
  public var lossTerms: [(name: String, weight: Double)] {
    [(name: loss.rawValue, weight: 1)] + (centering.map { [(name: "centering", weight: $0)] } ?? [])
  }

  /// Pairs, lists, or numbers that are given.
  public func denominators(of step: [Supervision]) -> Denominators {
    let counts = step.map { supervision in
      if loss.ranksLists { return supervision.groups.count }
      return loss.comparesPairs
        ? supervision.comparisons.count
        : supervision.ratings.reduce(0) { $0 + $1.values.count { $0 != nil } }
    }
    return Denominators(supervised: Double(counts.reduce(0, +)), weights: [])
  }

  /// The positions at which documents are read out.
  public func rows(of supervision: Supervision) -> [Int32] { supervision.pooledPositions }

  /// The loss of a batch from its hidden states `[R, H]` at `supervision.pooledPositions`. Scores are computed in
  /// float32, or in float64 where hidden states and head are.
  public func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    self(
      scores: hidden.full.linear(head.weight.full, head.bias?.full), supervision: supervision,
      denominators: denominators)
  }

  /// The loss of a batch from its scores.
  ///
  /// - Parameters:
  ///   - scores: `[R, K]` in float32 or float64, at `supervision.pooledPositions`.
  ///   - denominators: those of the whole optimizer step.
  public func callAsFunction(scores: Tensor, supervision: Supervision, denominators: Denominators) -> LossValue {
    torchPrecondition(
      scores.size(0) == supervision.pooledPositions.count,
      "scores \(scores.shape) for \(supervision.pooledPositions.count) documents")
    let scale = denominators.supervised == 0 ? 1 : 1 / denominators.supervised
    let values =
      loss.comparesPairs
      ? pairwise(scores, supervision.comparisons)
      : [loss.ranksLists ? listwise(scores, supervision) : squaredErrors(scores, supervision.ratings)]
    let lossTerms = zip(lossTerms, values).map { LossValue.Term(name: $0.name, weight: $0.weight, value: $1 * scale) }
    return LossValue(
      total: lossTerms.dropFirst().reduce(lossTerms[0].value) { $0 + $1.weight * $1.value },
      lossTerms: lossTerms.map { .init(name: $0.name, weight: $0.weight, value: $0.value.detach()) })
  }
}

extension RatingObjective {
  /// Sums over pairs: the loss, then what centring asks for.
  private func pairwise(_ scores: Tensor, _ pairs: [ComparisonTarget]) -> [Tensor] {
    torchPrecondition(scores.size(1) == 1, "scores \(scores.shape) of pairs")
    func read(_ positions: [Int]) -> Tensor {
      scores.select(1, 0).indexSelect(0, Tensor(positions.map(Int64.init), device: scores.device))
    }
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

  /// Σ over lists, those of one length at a time. A list is a group of documents, of which each is rated: documents and
  /// ratings of a batch have the same order.
  private func listwise(_ scores: Tensor, _ supervision: Supervision) -> Tensor {
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
  private func squaredErrors(_ scores: Tensor, _ ratings: [RatingTarget]) -> Tensor {
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
