// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Training objective at every token against other models: divergences over the whole vocabulary from what they say
/// together, beside cross entropy.
///
///     L = α·CE(best responses) + Σ weight·(1/n) Σ_tokens divergence(π, z)
///
/// n tokens or responses are those of the whole optimizer step. The candidates are the vocabulary, the score and the base
/// measure lie in the `LogitMixture`: z = log π_ref + R/τ.
public struct DistillationObjective: TrainingObjective, Hashable, Codable {
  /// Tokens that a term is taken at.
  public enum Tokens: String, Sendable, Hashable, Codable, CaseIterable {
    /// All that are learnt.
    case all
    /// Those of the best response to each prompt.
    case best
    /// Those of the other responses.
    case others
  }

  /// What a term is a mean of.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// Tokens.
    case token
    /// Responses, of each the sum over its tokens.
    case response
  }

  /// A weighted divergence.
  public struct Term: Sendable, Hashable, Codable {
    /// Name in logs.
    public var name: String
    /// Which divergence; of `VocabularyDivergence.meanOf` the mixture is the numbers.
    public var divergence: VocabularyDivergence
    /// What others say.
    public var target: LogitMixture
    /// Factor of the mean.
    public var weight: Double
    /// Both sides' logits are divided by it.
    public var temperature: Double
    /// Tokens it is taken at.
    public var tokens: Tokens
    /// What it is a mean of.
    public var unit: Unit
    /// Whether each token's divergence is divided by the contrast's weight there.
    public var dividesByContrast: Bool

    /// Memberwise.
    public init(
      _ name: String, _ divergence: VocabularyDivergence, to target: LogitMixture, weight: Double = 1,
      temperature: Double = 1, tokens: Tokens = .all, unit: Unit = .token, dividesByContrast: Bool = false
    ) {
      precondition(!dividesByContrast || target.contrast != nil, "\(name) has no contrast")
      (self.name, self.divergence, self.target, self.weight) = (name, divergence, target, weight)
      (self.temperature, self.tokens, self.unit) = (temperature, tokens, unit)
      self.dividesByContrast = dividesByContrast
    }
  }

  /// Weight α of the cross entropy of the best responses (of all tokens where there are no responses); 0 for none.
  public var crossEntropy: Double
  /// The divergences.
  public var terms: [Term]

  /// Memberwise.
  public init(crossEntropy: Double = 0, _ terms: [Term]) { (self.crossEntropy, self.terms) = (crossEntropy, terms) }

  // MARK: Training objective

  /// `ce` if there is any, then the divergences.
  public var lossTerms: [(name: String, weight: Double)] {
    (crossEntropy == 0 ? [] : [(name: "ce", weight: crossEntropy)]) + terms.map { (name: $0.name, weight: $0.weight) }
  }

  /// The models that the terms read.
  public var referenceModels: [String] {
    terms.flatMap(\.target.models).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// Learnt tokens, then how many tokens or responses each loss term is a mean of.
  public func denominators(of step: [Supervision]) -> Denominators {
    let selections = (crossEntropy == 0 ? [] : [(Tokens.best, Unit.token)]) + terms.map { ($0.tokens, $0.unit) }
    return Denominators(
      supervised: step.reduce(0) { $0 + Double($1.labels.count) },
      weights: selections.map { tokens, unit in
        step.reduce(0) { sum, supervision in
          let ranges = supervision.ranges(tokens)
          return sum + Double(unit == .token ? ranges.reduce(0) { $0 + $1.count } : ranges.count)
        }
      })
  }

  /// All learnt tokens.
  public func rows(of supervision: Supervision) -> [Int32] { supervision.logitRows }

  /// The loss of a batch from hidden states `[N, H]` of its learnt tokens, whose logits are computed for some rows at a
  /// time.
  public func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    func rows(_ tokens: Tokens) -> [Int64] { supervision.ranges(tokens).flatMap { $0.map(Int64.init) } }
    func index(_ rows: [Int64]) -> Tensor { Tensor(rows, device: hidden.device) }
    var sums = [Tensor]()
    if crossEntropy != 0 {
      let rows = rows(.best), own = hidden.indexSelect(0, index(rows))
      sums.append(-head.logProbabilities(own, of: rows.map { supervision.labels[Int($0)] }).sum())
    }
    for term in terms {
      let index = index(rows(term.tokens))
      let said = SaidTogether(term.target, referenceModels, at: index)
      var values = head.divergences(
        hidden.indexSelect(0, index), term.divergence, temperature: term.temperature, from: said.logits)
      if term.dividesByContrast { values = values / said.contrasts(values.size(0)) }
      sums.append(values.sum())
    }
    let terms = zip(lossTerms, zip(sums, denominators.weights)).map { term, sum in
      LossValue.Term(name: term.name, weight: term.weight, value: sum.0 * (1 / max(sum.1, 1)))
    }
    return LossValue(
      total: terms.reduce(hidden.full.sum() * 0) { $0 + $1.weight * $1.value },
      lossTerms: terms.map { .init(name: $0.name, weight: $0.weight, value: $0.value.detach()) })
  }
}

extension Supervision {
  /// Learnt tokens by response, those that are meant; one range of all where there are no responses.
  fileprivate func ranges(_ tokens: DistillationObjective.Tokens) -> [Range<Int>] {
    guard !groups.isEmpty else { return tokens == .others || labels.isEmpty ? [] : [0..<labels.count] }
    return responseTokens(best: tokens == .all ? nil : tokens == .best)
  }
}
