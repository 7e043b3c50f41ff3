// SPDX-License-Identifier: Apache-2.0
/// The paper's objectives and ablations, as transformations of a fully configured distance loss.
public enum Preset: String, Sendable, Hashable, Codable, CaseIterable {
  /// Cross entropy alone (section 3, "Baselines").
  case sft
  /// Cross entropy, once more over the candidates (equation 8): the limit τ → 0 of `dist`, without weights or
  /// contrastive examples.
  case vocab
  /// The distance losses as they are (equation 6).
  case dist
  /// `dist` with label smoothing in the place of distance: "− Distance-aware target" of Table 5.
  case smooth
  /// Label smoothing of the cross entropy over the whole vocabulary, and no distance loss (docs/paper-map.md
  /// Q16).
  case smoothVocabulary
  /// `dist` without place weights: "− Place value weighting" of Table 5.
  case distWithoutPlace
  /// `dist` without contrastive examples: "− Contrastive loss" of Table 5.
  case distWithoutContrast
  /// `dist` in the other direction, KL(p_θ ‖ p_d): section 2.3's max E[−d] + τH in closed form
  /// (docs/paper-map.md Q26).
  case distReverse
  /// Cross entropy and the number token loss NTL-WAS (Zausinger et al. 2025): Σ p_θ(v)·|v − x|, without τ, weights or
  /// contrastive examples. Package `ntloss` recommends α = 0.3; here α is the run's.
  case ntlWasserstein
  /// Cross entropy and the number token loss NTL-MSE: (Σ p_θ(v)·v − x)², without τ, weights or contrastive examples. α
  /// as above.
  case ntlMSE
  /// Cross entropy, and at every supervised token the expected cosine distance from its output embedding to those of
  /// the vocabulary, as they were when the run began: EMO's bound on the earth mover distance (Ren et al. 2023, arXiv
  /// 2310.04691). α is 1, and ``Objective/Balance`` says how the two are weighed. The authors halve the sum of both.
  case emo
  /// `distReverse` by one sample at each metric token: the policy gradient of section 2.3's max E[R] + τH with
  /// R = −d, which the closed form makes needless. Everything else is as in `dist`.
  case policyGradient
  /// Cross entropy, and targets over whole numbers along the answer's own characters (`ValueTarget`).
  case value
  /// Targets over whole numbers alone: each time an example is seen its numbers are drawn from their targets, and the
  /// conditionals along the drawn numbers take the place of their cross entropy.
  case valueDrawn
  /// Cross entropy on drawn numbers: reward-augmented maximum likelihood (Norouzi et al. 2016).
  case raml
  /// No answers at all: a head of one score, by which the better of two responses shall win (section 3.4, "binary").
  case bradleyTerry
  /// The same with a margin, and weighted by it (``RatingObjective``).
  case marginBradleyTerry
  case scaledBradleyTerry
  /// A head of embeddings, of which two say which response is better, in circles too (``GeneralPreference``).
  case generalPreference
  /// A head of one score, and a loss of the pairs' texts that keeps the model able to write (``TextRegularization``).
  case textRegularized
  /// A head of one score a scale, by squared error (HelpSteer2's regression).
  case regression
  /// A head of one score, by all responses to a prompt at once: cross entropy of softmax(R/τ), or the likelihood of their
  /// order.
  case listwise
  case listwiseOrder

  /// The rows of Table 5 in order.
  public static let ablations: [Preset] = [.dist, .distWithoutPlace, .distWithoutContrast, .smooth, .sft]
}

extension Preset {
  /// Whether numbers are taught as whole values, not digit by digit.
  public var isOfValues: Bool { [.value, .valueDrawn, .raml].contains(self) }

  /// α where none is chosen: 0.1 as in the paper; 1 for targets over whole numbers and EMO.
  public var defaultAlpha: Double { isOfValues || self == .emo ? 1 : 0.1 }

  /// How distance losses are weighed against the cross entropy where nothing else is chosen: EMO's by its quotient.
  public var defaultBalance: Objective.Balance { self == .emo ? .distance : .fixed }

  /// The loss of a head of its own; nil for objectives of answers.
  public var rating: RatingObjective.Loss? { RatingObjective.Loss(rawValue: rawValue) }
}

extension Objective {
  /// A preset over the run's metrics: `L_CE + α Σ distanceLoss`.
  ///
  /// - Parameters:
  ///   - distanceLosses: one per metric, as `dist` would have them; of `emo` one over the vocabulary. Loss terms keep
  ///     their names, joined by the divergence's where it is another: `dist.expectedDistance`. Presets that rate have
  ///     none (``Preset/rating``): they are no objectives of answers.
  ///   - alpha: α, 0.1 throughout the paper.
  ///   - smoothing: ε of the smoothing presets, 0.1 in section 3.6.
  ///   - weights: factors of α, one a metric; nil for 1 each.
  ///   - balance: nil: the preset's own.
  /// - Throws: `ObjectiveError` if a changed distance loss cannot exist, for instance one-hot targets under reverse KL,
  ///   or a number token loss of tokens without values.
  public init(
    _ preset: Preset, distanceLosses: [DistanceLoss], alpha: Double = 0.1, smoothing: Double = 0.1,
    weights: [Double]? = nil, reduction: Reduction = .means, balance: Balance? = nil
  ) throws {
    self.init(labelSmoothing: preset == .smoothVocabulary ? smoothing : 0, reduction: reduction)
    self.balance = balance ?? preset.defaultBalance
    for (index, distanceLoss) in distanceLosses.enumerated() {
      let alpha = alpha * (weights?[index] ?? 1)
      switch preset {
      case .value, .valueDrawn: add(distanceLoss, weight: alpha)
      case .sft, .raml, .smoothVocabulary, .bradleyTerry, .marginBradleyTerry, .scaledBradleyTerry, .regression,
        .generalPreference, .textRegularized, .listwise, .listwiseOrder:
        break
      case .dist: add(distanceLoss, weight: alpha)
      case .vocab:
        add(try distanceLoss.with(target: .oneHot, place: PlaceRule.none, contrast: Contrast.none), weight: alpha)
      case .smooth: add(try distanceLoss.with(target: .labelSmoothing(smoothing)), weight: alpha)
      case .distWithoutPlace: add(try distanceLoss.with(place: PlaceRule.none), weight: alpha)
      case .distWithoutContrast: add(try distanceLoss.with(contrast: Contrast.none), weight: alpha)
      case .distReverse: add(try distanceLoss.with(direction: .reverse), weight: alpha)
      case .ntlWasserstein: add(try distanceLoss.numberTokenLoss(.expectedDistance), weight: alpha)
      case .ntlMSE: add(try distanceLoss.numberTokenLoss(.squaredMean), weight: alpha)
      case .emo: addEverywhere(try distanceLoss.expected(), weight: alpha)
      case .policyGradient: add(try distanceLoss.replacing(.policyGradient()), weight: alpha)
      }
    }
  }
}

extension DistanceLoss {
  /// The same distance loss by another divergence, which its name tells.
  fileprivate func replacing(_ divergence: Divergence) throws -> DistanceLoss {
    try with(divergence: divergence, name: "\(name).\(divergence.name)")
  }

  /// The expected distance under the run's own distance; τ is not read.
  fileprivate func expected() throws -> DistanceLoss {
    try DistanceLoss(
      space, target: TargetDistribution(target.distance, temperature: 1), divergence: .expectedDistance, name: name)
  }

  /// d = |v − x| whatever the run's distance is; τ is not read.
  fileprivate func numberTokenLoss(_ divergence: Divergence) throws -> DistanceLoss {
    try with(target: TargetDistribution(.absolute, temperature: 1), place: PlaceRule.none, contrast: Contrast.none)
      .replacing(divergence)
  }
}
