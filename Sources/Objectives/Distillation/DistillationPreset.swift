// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch

/// Objectives of the literature at every token against other models, as values of ``DistillationObjective``.
public enum DistillationPreset: String, Sendable, Hashable, Codable, CaseIterable {
  /// Generalised Jensen-Shannon divergence from a teacher: β = 0 is KL(teacher ‖ π), β = 1 KL(π ‖ teacher) (Agarwal et
  /// al. 2024, arXiv 2306.13649); TRL's GKD. Reads `teacher`.
  case gkd
  /// KL(π ‖ z)·β₂ with z = w·log π_dpo + (1 − w)·log π_ref, w = β/β₂, summed over each response (Zhang et al. 2025,
  /// arXiv 2503.02832). Reads `dpo`, `reference`.
  case alignDistil
  /// The same with z = log π_dpo + w_t·(log π_dpo − log π_reverse) and the factor β/w_t at each token. Reads `dpo`,
  /// `reverse`.
  case alignDistilAdaptive
  /// η·CE + KL(teacher ‖ π) on the chosen and λ·KL(teacher ‖ π) on the rejected responses (Gao et al. 2025, arXiv
  /// 2502.17927). Reads `teacher`.
  case dckd
  /// η·CE of the chosen responses − γ·Σ_v π(v)·(log π_dpo − log π_ref)(v) on the others, which are the student's own
  /// (the same paper). Reads `dpo`, `reference`.
  case adpa
  /// The same with τ·KL(π ‖ π_ref), which together is τ·KL(π ‖ π_ref·e^{γA/τ}).
  case adpaKL
  /// KL between π and z_u + γ·(z_c − z_u): guidance without a second pass. Reads `conditional`, `unconditional`.
  case cfgDistil
}

/// Numbers of presets, each where a preset reads it.
public struct DistillationParameters: Sendable, Hashable, Codable {
  /// β of `gkd` (0.5) and of `alignDistil` (0.1).
  public var beta: Double?
  /// β₂ of `alignDistil`.
  public var strength: Double
  /// Of both sides in `gkd`; τ of `adpaKL`.
  public var temperature: Double
  /// γ of `adpa` (1) and `cfgDistil` (3).
  public var gamma: Double?
  /// η
  public var crossEntropy: Double?
  /// λ: weight of rejected responses in `dckd`.
  public var rejected: Double
  /// Of `cfgDistil`.
  public var direction: DistanceLoss.Direction

  /// Memberwise.
  public init(
    beta: Double? = nil, strength: Double = 0.025, temperature: Double = 1, gamma: Double? = nil,
    crossEntropy: Double? = nil, rejected: Double = 1, direction: DistanceLoss.Direction = .reverse
  ) {
    (self.beta, self.strength, self.temperature) = (beta, strength, temperature)
    (self.gamma, self.crossEntropy, self.rejected, self.direction) = (gamma, crossEntropy, rejected, direction)
  }
}

extension DistillationObjective {
  /// A preset.
  ///
  /// - Throws: `ObjectiveError` for a temperature or strength that is not above 0, or a β outside 0 … 1 in `gkd`.
  public init(_ preset: DistillationPreset, _ parameters: DistillationParameters = DistillationParameters()) throws {
    let p = parameters
    guard p.temperature > 0, p.strength > 0 else {
      throw ObjectiveError(
        preset.rawValue, "temperature \(p.temperature), strength \(p.strength)", remedy: "Choose them above 0.")
    }
    func mixture(_ parts: (String, Double)...) -> LogitMixture {
      LogitMixture(parts.map { LogitMixture.Part($0.0, $0.1) })
    }
    switch preset {
    case .gkd:
      let beta = p.beta ?? 0.5
      guard (0...1).contains(beta) else {
        throw ObjectiveError(preset.rawValue, "beta \(beta)", remedy: "Choose one in 0 … 1.")
      }
      let divergence: VocabularyDivergence =
        beta == 0 ? .forward : beta == 1 ? .reverse : .jensenShannon(beta: beta)
      self.init([Term("gkd", divergence, to: LogitMixture("teacher"), temperature: p.temperature)])
    case .alignDistil:
      let w = (p.beta ?? 0.1) / p.strength
      self.init([
        Term("align", .reverse, to: mixture(("dpo", w), ("reference", 1 - w)), weight: p.strength, unit: .response)
      ])
    case .alignDistilAdaptive:
      let contrast = LogitMixture.Contrast(towards: "dpo", from: "reverse", scale: p.strength)
      self.init([
        Term(
          "align", .reverse, to: LogitMixture([LogitMixture.Part("dpo")], contrast: contrast), weight: p.beta ?? 0.1,
          unit: .response, dividesByContrast: true)
      ])
    case .dckd:
      self.init([
        Term("chosen", .forward, to: LogitMixture("teacher"), tokens: .best),
        Term("rejected", .forward, to: LogitMixture("teacher"), weight: p.rejected, tokens: .others),
      ])
    case .adpa:
      self.init([
        Term("advantage", .meanOf, to: mixture(("dpo", 1), ("reference", -1)), weight: -(p.gamma ?? 1), tokens: .others)
      ])
    case .adpaKL:
      let w = (p.gamma ?? 1) / p.temperature
      self.init([
        Term("kl", .reverse, to: mixture(("reference", 1 - w), ("dpo", w)), weight: p.temperature, tokens: .others)
      ])
    case .cfgDistil:
      let gamma = p.gamma ?? 3
      self.init([
        Term(
          "guidance", p.direction == .reverse ? .reverse : .forward,
          to: mixture(("conditional", gamma), ("unconditional", 1 - gamma)))
      ])
    }
    crossEntropy = p.crossEntropy ?? ([.dckd, .adpa, .adpaKL].contains(preset) ? 1 : 0)
  }
}
