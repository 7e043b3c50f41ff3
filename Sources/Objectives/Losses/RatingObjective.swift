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
///
/// P pairs and n numbers are those of the whole optimizer step. The three pairwise losses are compared in
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

    /// Whether it compares pairs, with one output; otherwise it reads ratings.
    public var comparesPairs: Bool { self != .regression }
  }

  /// What is asked of the scores.
  public var loss: Loss
  /// Weight of (1/P) Σ (r(chosen) + r(rejected))², which keeps scores near 0 (Eisenstein et al. 2023, arXiv
  /// 2312.09244; TRL's `center_rewards_coefficient`); nil for none.
  public var centering: Double?

  /// - Parameter centering: for pairs alone.
  public init(_ loss: Loss, centering: Double? = nil) {
    precondition(centering.map { $0.isFinite && $0 >= 0 } ?? true, "centring by \(centering ?? 0)")
    precondition(centering == nil || loss.comparesPairs, "scores that are given are not centred")
    (self.loss, self.centering) = (loss, centering)
  }

  /// Checks that a head's outputs are those it needs: one for pairs, one for each number of a rating.
  ///
  /// - Parameter values: numbers of a rating; not read for pairs.
  /// - Throws: `ObjectiveError` that names both counts.
  public func check(outputs: Int, values: Int = 1) throws {
    let needed = loss.comparesPairs ? 1 : values
    guard outputs != needed else { return }
    throw ObjectiveError(
      loss.rawValue, "needs a head of \(needed) outputs, this model's has \(outputs)",
      remedy: "Make the model's head anew with \(needed).")
  }

  /// The loss by its name with weight 1, then `centering` if there is any.
  public var lossTerms: [(name: String, weight: Double)] {
    [(name: loss.rawValue, weight: 1)] + (centering.map { [(name: "centering", weight: $0)] } ?? [])
  }

  /// Pairs, or numbers that are given.
  public func denominators(of step: [Supervision]) -> Denominators {
    let counts = step.map { supervision in
      loss.comparesPairs
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
      ? pairwise(scores, supervision.comparisons) : [squaredErrors(scores, supervision.ratings)]
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
