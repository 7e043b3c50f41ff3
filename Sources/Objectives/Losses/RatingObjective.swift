// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Training objective of a reward model with a head of its own: its scores r = W h at the last tokens of documents
/// shall be those that were given, or shall order pairs as they were ordered.
///
///     bradleyTerry         (1/P) Σ −log σ(Δ)          Δ = r(chosen) − r(rejected)
///     marginBradleyTerry   (1/P) Σ −log σ(Δ − m)
///     scaledBradleyTerry   (1/P) Σ −m · log σ(Δ)
///     generalPreference    (1/P) Σ −log σ(s/τ)        s = (chosen, rejected) of two embeddings: ``GeneralPreference``
///     textRegularized      (1/P) Σ (1 − w)·−log σ(Δ) + w·T             T of the pair's texts: ``TextRegularization``
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
    /// −log σ(s/τ) of a skew-symmetric form of two embeddings: a preference that need not be transitive.
    case generalPreference
    /// −log σ(Δ), and a loss of the pair's texts by the model's own last projection.
    case textRegularized
    /// Squared error of each output.
    case regression
    /// Cross entropy of softmax(R/τ) over all responses to a prompt.
    case listwise
    /// Likelihood of the order of all responses to a prompt.
    case listwiseOrder

    /// Whether it compares pairs, with one output or an embedding.
    public var comparesPairs: Bool { self != .regression && !ranksLists }
    /// Whether it ranks all responses to a prompt at once, with one output.
    public var ranksLists: Bool { self == .listwise || self == .listwiseOrder }
    /// Whether a response has one score, of no unit; otherwise a number for each that is given.
    public var givesOneScore: Bool { self != .regression && self != .generalPreference }
    /// Whether the texts of pairs are learnt as well.
    public var readsTexts: Bool { self == .textRegularized }
    /// Whether a response has an embedding, and two of them a preference, but one alone no score.
    public var givesEmbeddings: Bool { self == .generalPreference }
  }

  /// What is asked of the scores.
  public var loss: Loss
  /// Weight of (1/P) Σ (r(chosen) + r(rejected))², which keeps scores near 0 (Eisenstein et al. 2023, arXiv
  /// 2312.09244; TRL's `center_rewards_coefficient`); nil for none.
  public var centering: Double?
  /// τ of the scores of a list, read by `listwise` (with 0 the best one is the target), or that which divides the
  /// preferences of `generalPreference`.
  public var temperature: Double
  /// Loss of the texts of pairs, of `textRegularized`; nil elsewhere.
  public var text: TextRegularization?

  /// - Parameters:
  ///   - centering: for pairs of scores alone.
  ///   - temperature: for `listwise` and `generalPreference` alone; nil: 1, of `generalPreference` 0.1.
  ///   - text: for `textRegularized` alone; nil: the authors'.
  public init(
    _ loss: Loss, centering: Double? = nil, temperature: Double? = nil, text: TextRegularization? = nil
  ) {
    precondition(text == nil || loss.readsTexts, "\(loss) reads no texts")
    let temperature = temperature ?? (loss.givesEmbeddings ? GeneralPreference().temperature : 1)
    precondition(
      temperature.isFinite && (loss.givesEmbeddings ? temperature > 0 : temperature >= 0), "temperature \(temperature)")
    precondition(centering.map { $0.isFinite && $0 >= 0 } ?? true, "centring by \(centering ?? 0)")
    self.text = loss.readsTexts ? text ?? TextRegularization() : nil
    precondition(
      centering == nil || loss.comparesPairs && loss.givesOneScore && !loss.readsTexts,
      "scores that are given are not centred")
    (self.loss, self.centering, self.temperature) = (loss, centering, temperature)
  }

  /// Checks that a head's outputs are those it needs: one for pairs and lists, one for each number of a rating, an even
  /// number for embeddings.
  ///
  /// - Parameter values: numbers of a rating; not read for pairs and lists.
  /// - Throws: `ObjectiveError` that names both counts.
  public func check(outputs: Int, values: Int = 1) throws {
    if loss.givesEmbeddings {
      guard outputs < 2 || outputs % 2 != 0 else { return }
      throw ObjectiveError(
        loss.rawValue, "needs a head of an even number of outputs, this model's has \(outputs)",
        remedy: "Make the model's head anew with two outputs for each plane.")
    }
    let needed = loss.givesOneScore ? 1 : values
    guard outputs != needed else { return }
    throw ObjectiveError(
      loss.rawValue, "needs a head of \(needed) outputs, this model's has \(outputs)",
      remedy: "Make the model's head anew with \(needed).")
  }

  /// The loss by its name with weight 1, then `centering` if there is any; of `textRegularized` the two that it weighs.
  public var lossTerms: [(name: String, weight: Double)] {
    if let text {
      return [(name: Loss.bradleyTerry.rawValue, weight: 1 - text.weight), (name: "text", weight: text.weight)]
    }
    return [(name: loss.rawValue, weight: 1)] + (centering.map { [(name: "centering", weight: $0)] } ?? [])
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

  /// The positions at which documents are read out, then those at which their texts are predicted, if they are learnt.
  public func rows(of supervision: Supervision) -> [Int32] {
    supervision.pooledPositions + (loss.readsTexts ? supervision.logitRows : [])
  }

  /// The loss of a batch from its hidden states `[R, H]` at `supervision.pooledPositions`. Scores are computed in
  /// float32, or in float64 where hidden states and head are.
  public func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    loss(
      of: hidden, head: head, textHead: nil, referenceModels: referenceModels, supervision: supervision,
      denominators: denominators)
  }

  /// The same with the model's projection onto the vocabulary, which `textRegularized` reads: hidden states `[R + N, H]` at
  /// ``rows(of:)``.
  public func loss(
    of hidden: Tensor, head: OutputHead, textHead: OutputHead?, referenceModels: [String: ReferenceStates],
    supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    let pooled = supervision.pooledPositions.count, states = loss.readsTexts ? hidden.narrow(0, 0, pooled) : hidden
    var logProbabilities: Tensor?
    if loss.readsTexts {
      guard let textHead else { preconditionFailure("\(loss) needs a model that keeps its last projection") }
      logProbabilities = textHead.logProbabilities(
        hidden.narrow(0, pooled, supervision.labels.count), of: supervision.labels)
    }
    return self(
      scores: states.full.linear(head.weight.full, head.bias?.full), logProbabilities: logProbabilities,
      supervision: supervision, denominators: denominators)
  }

  /// The loss of a batch from its scores.
  ///
  /// - Parameters:
  ///   - scores: `[R, K]` in float32 or float64, at `supervision.pooledPositions`.
  ///   - logProbabilities: `[N]` of the texts' tokens, at `supervision.logitRows`, of `textRegularized`.
  ///   - denominators: those of the whole optimizer step.
  public func callAsFunction(
    scores: Tensor, logProbabilities: Tensor? = nil, supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    torchPrecondition(
      scores.size(0) == supervision.pooledPositions.count,
      "scores \(scores.shape) for \(supervision.pooledPositions.count) documents")
    let scale = denominators.supervised == 0 ? 1 : 1 / denominators.supervised
    let values =
      loss.comparesPairs
      ? pairwise(scores, supervision.comparisons) + texts(logProbabilities, supervision)
      : [loss.ranksLists ? listwise(scores, supervision) : squaredErrors(scores, supervision.ratings)]
    let lossTerms = zip(lossTerms, values).map { LossValue.Term(name: $0.name, weight: $0.weight, value: $1 * scale) }
    let first = lossTerms[0].weight == 1 ? lossTerms[0].value : lossTerms[0].weight * lossTerms[0].value
    return LossValue(
      total: lossTerms.dropFirst().reduce(first) { $0 + $1.weight * $1.value },
      lossTerms: lossTerms.map { .init(name: $0.name, weight: $0.weight, value: $0.value.detach()) })
  }
}
