// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Training objective over whole responses: the responses to a prompt are candidates, whose rewards β·log(π/π_ref) shall
/// be like what was said of them. DPO, InfoNCA, KTO, SimPO, RAFT … are values of it (``SequencePreset``).
///
///     L = w/G Σ_groups link(reward, target) + α · CE(best responses) + ρ/G Σ_groups tokens(token rewards)
///
/// G groups (pairs, single responses) and the tokens of the best responses are those of the whole optimizer step.
public struct SequenceObjective: TrainingObjective, Hashable, Codable {
  /// Name of the first loss term.
  public var name: String
  /// x = β·m of a response.
  public var reward: SequenceReward
  /// Weights of tokens in it.
  public var weights: TokenWeights
  /// What the rewards of a group shall be like.
  public var target: GroupTarget
  /// How the two are matched.
  public var link: SequenceLink
  /// Weight w of that.
  public var weight: Double
  /// Weight α of the cross entropy of the best responses, a mean over their tokens; 0 for none.
  public var crossEntropy: Double
  /// Weight ρ of −σ(x_others − x_best)·β Σ_t r_t·log π(y_t) over all tokens of a group, with the token rewards r that
  /// are given and no gradient through σ (T-REG); 0 for none.
  public var tokenRewards: Double

  /// Memberwise.
  public init(
    name: String, reward: SequenceReward = SequenceReward(), weights: TokenWeights = .ones,
    target: GroupTarget = .best(), link: SequenceLink = .softmax(), weight: Double = 1, crossEntropy: Double = 0,
    tokenRewards: Double = 0
  ) {
    (self.name, self.reward, self.weights, self.target) = (name, reward, weights, target)
    (self.link, self.weight) = (link, weight)
    (self.crossEntropy, self.tokenRewards) = (crossEntropy, tokenRewards)
  }

  /// Whether log-probabilities of a reference model are read.
  public var needsReference: Bool { reward.score == .logRatio }

  /// Whether KL(π_ref ‖ π) over the whole vocabulary is read, for which log-probabilities of labels do not do.
  public var needsDivergence: Bool { reward.divergence != nil }

  /// Whether a step needs the mean log-ratio of responses to other prompts (KTO's z) as its anchor.
  public var needsMismatchedRewards: Bool { if case .prospect = link { target == .labels } else { false } }

  // MARK: Training objective

  /// The link by ``name``, then `ce`, `tokens` and `masks`, as far as there are any.
  public var lossTerms: [(name: String, weight: Double)] {
    var terms = [(name: name, weight: weight)]
    if crossEntropy != 0 { terms.append((name: "ce", weight: crossEntropy)) }
    if tokenRewards != 0 { terms.append((name: "tokens", weight: tokenRewards)) }
    if penalties != nil { terms.append((name: "masks", weight: 1)) }
    return terms
  }

  /// Groups, and the tokens of their best responses.
  public func denominators(of step: [Supervision]) -> Denominators {
    var groups = 0, tokens = 0
    for supervision in step {
      groups += supervision.groups.count
      guard crossEntropy != 0 else { continue }
      tokens += supervision.responseTokens(best: true).reduce(0) { $0 + $1.count }
    }
    return Denominators(supervised: Double(groups), weights: [Double(tokens)])
  }

  /// The learnt tokens of all responses.
  public func rows(of supervision: Supervision) -> [Int32] { supervision.groups.isEmpty ? [] : supervision.logitRows }

  /// The name of the reference model among ``referenceModels``.
  public static let reference = "reference"

  /// The reference model, where its divergence is read: log-probabilities come with the documents. Then the models that
  /// weigh tokens.
  public var referenceModels: [String] { (needsDivergence ? [Self.reference] : []) + (weighing?.models ?? []) }

  /// What weighs tokens, where other models do.
  private var weighing: LogitMixture? { if case .critical(let mixture) = weights { mixture } else { nil } }

  /// The loss of a batch from hidden states `[N, H]` of its learnt tokens, whose log-probabilities are computed in
  /// chunks. Log-probabilities of the reference model are those that the documents hold; what they do not hold is read
  /// from the reference model's own states.
  public func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    var values = SequenceValues(
      head.logProbabilities(hidden, of: supervision.labels), documents: supervision.documents)
    if needsDivergence {
      guard let reference = referenceModels[Self.reference] else {
        preconditionFailure("\(name) reads divergences from a reference model")
      }
      values.divergence = head.divergences(hidden, .forward, from: reference.logits)
      values.reference =
        values.reference
        ?? noGrad { reference.head.logProbabilities(reference.hidden, of: supervision.labels) }.to(hidden.full.dtype)
    }
    if let weighing {
      values.weights = SaidTogether(weighing, referenceModels).probabilities(of: supervision.labels)
        .to(hidden.full.dtype)
    }
    return self(values, supervision: supervision, denominators: denominators)
  }
}

extension SequenceObjective {
  /// Checks what the slots ask of each other.
  ///
  /// - Throws: `ObjectiveError` that names the slots and the nearest combination there is.
  public func check() throws {
    if case .softmax(.reverse, _) = link, case .best(let smoothing) = target, smoothing <= 0 {
      throw ObjectiveError(
        name, "the reverse direction meets a target without mass somewhere", remedy: "Set smoothing above 0.")
    }
    let needed: GroupTarget? =
      switch link {
      case .plackettLuce: .order
      case .squared: .rewards
      default: nil
      }
    if let needed, target != needed {
      throw ObjectiveError(name, "its link reads \(needed), not \(target)", remedy: "Set target: \(needed).")
    }
    if needed == nil, target == .order || target == .rewards {
      throw ObjectiveError(
        name, "the target \(target) is no distribution", remedy: "Choose best, scores, given or labels.")
    }
    if case .signed(let noise) = target, !(0..<0.5).contains(noise) {
      throw ObjectiveError(name, "a share \(noise) of wrong preferences", remedy: "Choose one in 0 ..< 0.5.")
    }
    if needsTokenWeights || weighing != nil || tokenRewards != 0 || crossEntropy != 0, target == .labels {
      throw ObjectiveError(
        name, "single responses have no best one", remedy: "Use preferences, or leave these terms out.")
    }
  }

  /// Whether weights of tokens have to be given: masks, and how much tokens matter unless other models say so.
  public var needsTokenWeights: Bool {
    switch weights {
    case .ones: false
    case .given: true
    case .critical(let mixture): mixture == nil
    }
  }

  /// Whether rewards of tokens have to be given.
  public var needsTokenRewards: Bool { tokenRewards != 0 }

  /// Checks that what is given with the tokens of responses is what this objective reads.
  ///
  /// - Parameter tokens: of the responses to one prompt; empty for none.
  /// - Throws: `ObjectiveError` that says what is missing, or out of range.
  public func check(_ tokens: [TokenValues]) throws {
    func complete(_ key: KeyPath<TokenValues, [Float]?>) -> Bool {
      !tokens.isEmpty && tokens.allSatisfy { $0[keyPath: key] != nil }
    }
    if needsTokenWeights, !complete(\.weights) {
      throw ObjectiveError(
        name, "needs weights of the tokens of each response",
        remedy: "Give them beside it, as chosen_weights and rejected_weights.")
    }
    if needsTokenRewards, !complete(\.rewards) {
      throw ObjectiveError(
        name, "needs rewards of the tokens of each response",
        remedy: "Give them beside it, as chosen_rewards and rejected_rewards.")
    }
    guard case .critical(nil) = weights else { return }
    if let wrong = tokens.lazy.flatMap({ $0.weights ?? [] }).first(where: { !(0...1).contains($0) }) {
      throw ObjectiveError(
        name, "reads weights of tokens from 0 to 1, found \(wrong)",
        remedy: "They are the weights in the better response; in the other one they count as 1 less the number.")
    }
  }

  /// Checks that what was said of responses is what this objective reads.
  ///
  /// - Throws: `ObjectiveError` that names the kind of records which is.
  public func check(_ worth: Worth) throws {
    let isPair = worth.count == 2
    guard target.values(of: worth) != nil, link != .squaredMargin || isPair else {
      let records =
        switch target {
        case .labels: "unpaired"
        case .scores, .rewards: "group"
        default: "preference"
        }
      throw ObjectiveError(name, "does not read \(worth.kind)", remedy: "Set data.records: \(records).")
    }
  }
}

extension Worth {
  /// `a preference of two responses`
  fileprivate var kind: String {
    switch self {
    case .preference: "a preference of two responses"
    case .scores(let scores): "\(scores.count) scored responses"
    case .label: "single responses with a label"
    }
  }
}
