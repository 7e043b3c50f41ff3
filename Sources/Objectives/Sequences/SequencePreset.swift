// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Objectives of the literature over whole responses, as values of ``SequenceObjective``. Below, m is the sum of
/// log-ratios log π/π_ref of a response, ℓ̄ the mean of its log-probabilities, w the chosen and l the rejected response.
public enum SequencePreset: String, Sendable, Hashable, Codable, CaseIterable {
  /// −log σ(β(m_w − m_l)): direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290, equation 7).
  case dpo
  /// DPO with a share ε of labels taken for wrong: −(1 − ε)·log σ(βΔ) − ε·log σ(−βΔ) (Mitchell 2023).
  case cdpo
  /// The same with the record's own probability (DNO, CREAM).
  case softDPO
  /// Unbiased under a share ε of wrong labels (Chowdhury et al. 2024, arXiv 2403.00409); TRL's `robust`.
  case robustDPO
  /// KL(softmax(βm) ‖ (1 − ε, ε)) (Ji et al. 2024, arXiv 2402.00856); TRL's `exo_pair`.
  case exo
  /// (m̄_w − m̄_l − 1/(2β))² of means over tokens (Azar et al. 2023, arXiv 2310.12036); TRL's `ipo`. With
  /// `length: sum` as the first code had it.
  case ipo
  /// DPO + η·CE of the chosen response (Liu et al. 2024, arXiv 2405.16436; Pang et al. 2024, arXiv 2404.19733).
  case rpo
  /// −log σ(β(ℓ̄_w − ℓ̄_l) − γ), without a reference model (Meng et al. 2024, arXiv 2405.14734).
  case simpo
  /// CE − λ·log σ(log-odds of the chosen − those of the rejected) (Hong et al. 2024, arXiv 2403.07691).
  case orpo
  /// −Σ softmax(R/τ)·log softmax(βm) over K responses (Chen et al. 2024, arXiv 2402.05369).
  case infoNCA
  /// −Σ softmax(R/τ)·log σ(βm) − (1/K) Σ log σ(−βm): the same paper's second objective, which also keeps π(y_w) up.
  case nca
  /// Of single responses, w·(1 − σ(±β(m − z))) with z from mismatched ones (Ethayarajh et al. 2024, arXiv 2402.01306).
  case kto
  /// Of single responses, −log σ(±(βm − δ)) (Jung et al. 2024, arXiv 2404.04656); δ is the step's anchor.
  case bco
  /// Of single responses, the same with δ = 0 and β = 0.05: a reward model whose steps can be scored (Yuan et al. 2024,
  /// arXiv 2412.01981).
  case implicitPRM
  /// Σ_{i<j} (G_i − G_j)²/(2β(K − 1)) with G = R − βm (Flet-Berliac et al. 2024, arXiv 2406.19185).
  case copg
  /// −log π of the best of K responses (Dong et al. 2023, arXiv 2304.06767).
  case raft
  /// −Σ softmax(R/τ)·log π (Norouzi et al. 2016, arXiv 1609.00150).
  case raml
  /// −Σ_k log softmax over the ranks from k on, of rewards βm.
  case plackettLuce
  /// −log σ(β(log π(y_w) − log π(y_l))) of an autoregressive reward model (Xu et al. 2024, arXiv 2410.08193).
  case arm
  /// DPO with D = Σ KL(π_ref ‖ π) in the reward: −log σ(β(m + D)_w − β(m + D)_l) (Zeng et al. 2024, arXiv 2404.11999).
  case tdpo1
  /// The same with α·D, and none of the gradient through D_w.
  case tdpo2
  /// DPO with weights c of tokens in the chosen response and 1 − c in the rejected one (Lin et al. 2024, arXiv
  /// 2411.19943), in the form that sums over each response.
  case criticalDPO
  /// DPO + ρ·σ(β(m_l − m_w))·Σ −β·r_t·log π(y_t) with token rewards r (Zhou et al. 2024, arXiv 2412.02685).
  case tReg
  /// TDPO with a mask on the log-ratio and another on KL, given with the tokens (Christopoulou et al. 2024, arXiv
  /// 2410.05102).
  case sparsePO
}

/// Numbers of presets, each where a preset reads it.
public struct SequenceParameters: Sendable, Hashable, Codable {
  /// β; nil for the preset's own, 0.1 for most.
  public var beta: Double?
  /// Sum or mean over tokens; nil for the preset's own.
  public var length: SequenceReward.Length?
  /// ε: a share of wrong labels.
  public var smoothing: Double?
  /// τ of scores.
  public var temperature: Double
  /// γ of `simpo`.
  public var margin: Double?
  /// α: weight of the chosen response's cross entropy.
  public var crossEntropy: Double?
  /// λ of `orpo`, ρ of `tReg`.
  public var weight: Double?
  /// Coefficient of KL in the reward.
  public var klCoefficient: Double?
  /// Factors of wanted and of unwanted responses in `kto`.
  public var wanted: Double, unwanted: Double
  /// λ of `sparsePO`'s masks.
  public var maskPenalty: Double, divergenceMaskPenalty: Double
  /// What weighs the tokens of `criticalDPO`, such as `LogitMixture.criticalTokens`; nil: their weights are given.
  public var critical: LogitMixture?

  /// Memberwise.
  public init(
    beta: Double? = nil, length: SequenceReward.Length? = nil, smoothing: Double? = nil, temperature: Double = 1,
    margin: Double? = nil, crossEntropy: Double? = nil, weight: Double? = nil, klCoefficient: Double? = nil,
    wanted: Double = 1, unwanted: Double = 1, maskPenalty: Double = 0, divergenceMaskPenalty: Double = 0,
    critical: LogitMixture? = nil
  ) {
    (self.beta, self.length, self.smoothing, self.temperature) = (beta, length, smoothing, temperature)
    (self.margin, self.crossEntropy, self.weight, self.klCoefficient) = (margin, crossEntropy, weight, klCoefficient)
    (self.wanted, self.unwanted, self.critical) = (wanted, unwanted, critical)
    (self.maskPenalty, self.divergenceMaskPenalty) = (maskPenalty, divergenceMaskPenalty)
  }
}

extension SequenceObjective {
  /// A preset.
  ///
  /// - Throws: `ObjectiveError` if the parameters ask for something that cannot be.
  public init(_ preset: SequencePreset, _ parameters: SequenceParameters = SequenceParameters()) throws {
    let p = parameters
    func made(
      _ score: SequenceReward.Score = .logRatio, beta: Double = 0.1, _ length: SequenceReward.Length = .sum,
      divergence: SequenceReward.DivergenceTerm? = nil
    ) throws -> SequenceReward {
      let beta = p.beta ?? beta
      guard beta.isFinite, beta > 0 else {
        throw ObjectiveError(preset.rawValue, "beta \(beta)", remedy: "Choose one above 0.")
      }
      guard score != .logOdds || p.length ?? length == .mean else {
        throw ObjectiveError(preset.rawValue, "odds of a sum of log-probabilities", remedy: "Set length: mean.")
      }
      return SequenceReward(score, beta: beta, length: p.length ?? length, divergence: divergence)
    }
    self.init(name: preset.rawValue, reward: try made())
    switch preset {
    case .dpo: target = .best(smoothing: p.smoothing ?? 0)
    case .cdpo: target = .best(smoothing: p.smoothing ?? 0.1)
    case .softDPO: target = .given
    case .robustDPO: target = .signed(noise: p.smoothing ?? 0.1)
    case .exo: (target, link) = (.best(smoothing: p.smoothing ?? 1e-3), .softmax(.reverse))
    case .ipo: (reward, link) = (try made(.logRatio, .mean), .squaredMargin)
    case .rpo: crossEntropy = p.crossEntropy ?? 1
    case .simpo: (reward, link) = (try made(.logProbability, beta: 2, .mean), .softmax(margin: p.margin ?? 0.5))
    case .orpo:
      (reward, weight) = (try made(.logOdds, beta: 1, .mean), p.weight ?? 0.1)
      crossEntropy = p.crossEntropy ?? 1
    case .infoNCA: target = .scores(temperature: p.temperature)
    case .nca: (target, link) = (.scores(temperature: p.temperature), .sigmoid(noise: .uniform))
    case .kto: (target, link) = (.labels, .prospect(wanted: p.wanted, unwanted: p.unwanted))
    case .bco: (target, link) = (.labels, .sigmoid(noise: .complement, shift: .anchor))
    case .implicitPRM:
      (reward, target, link) = (try made(beta: 0.05), .labels, .sigmoid(noise: .complement))
    case .copg: (target, link) = (.rewards, .squared)
    case .raft: (reward, link) = (try made(.logProbability, beta: 1), .likelihood)
    case .raml:
      (reward, target) = (try made(.logProbability, beta: 1), .scores(temperature: p.temperature))
      link = .likelihood
    case .plackettLuce: (target, link) = (.order, .plackettLuce)
    case .arm: reward = try made(.logProbability, beta: 0.1)
    case .tdpo1: reward = try made(divergence: .init(coefficient: p.klCoefficient ?? 1))
    case .tdpo2: reward = try made(divergence: .init(coefficient: p.klCoefficient ?? 0.5, isHeldForBest: true))
    case .criticalDPO: weights = .critical(by: p.critical)
    case .tReg: tokenRewards = p.weight ?? 0.25
    case .sparsePO:
      reward = try made(divergence: .init(coefficient: p.klCoefficient ?? 1))
      weights = .given(rewardPenalty: p.maskPenalty, divergencePenalty: p.divergenceMaskPenalty)
    }
    if let own = p.crossEntropy { crossEntropy = own }
    try check()
  }
}
