// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
public import Objectives

/// The keys of `objective` that few presets read: of objectives over whole responses, against other models, and of some of
/// tokens and heads. Nil where a preset does not read one.
public struct ResponseParameters: Sendable, Hashable {
  /// β
  public var beta: Double?
  /// Whether a response's reward is a sum over its tokens or their mean.
  public var length: SequenceReward.Length?
  /// γ of `simpo`.
  public var margin: Double?
  /// α: weight of the cross entropy of the best responses.
  public var crossEntropy: Double?
  /// λ of `orpo`, ρ of `tReg`.
  public var weight: Double?
  /// λ of the sums of `sparsePO`'s masks on log-ratios and on KL.
  public var maskPenalty: Double?, divergenceMaskPenalty: Double?
  /// Coefficient of KL in the reward (`tdpo1`, `tdpo2`, `sparsePO`).
  public var klCoefficient: Double?
  /// Factors of wanted and of unwanted responses (`kto`).
  public var wanted: Double?, unwanted: Double?
  /// β₂ of `alignDistil`.
  public var strength: Double?
  /// γ of `adpa` and `cfgDistil`.
  public var gamma: Double?
  /// λ: weight of the rejected responses (`dckd`).
  public var rejected: Double?
  /// How distance and cross entropy are weighed (`emo`).
  public var balance: Objective.Balance?
  /// Numbers of an embedding (`generalPreference`).
  public var dimensions: Int?
  /// Loss of the texts of pairs (`textRegularized`), weighed by `weight`.
  public var text: TextLoss?

  /// T of `TextRegularization`, whose β is `beta`.
  public enum TextLoss: String, Sendable, Hashable, CaseIterable, NamedSetting {
    /// −ℓ of the better response.
    case likelihood
    /// −log σ(β·ℓ) of the better response.
    case logistic
    /// −log σ(β·Δℓ)
    case preference
  }

  /// None.
  public init() {}

  /// A preset's own numbers.
  public init(_ preset: ObjectivePreset) {
    self.init()
    switch preset {
    case .tokens(let preset): take(preset)
    case .responses(let preset): take(preset)
    case .distillation(let preset): take(preset)
    }
  }

  private mutating func take(_ preset: Preset) {
    switch preset {
    case .emo: balance = preset.defaultBalance
    case .generalPreference: dimensions = 6
    case .textRegularized: (text, weight, beta) = (.likelihood, TextRegularization().weight, 0.1)
    default: break
    }
  }

  private mutating func take(_ preset: SequencePreset) {
    guard let own = try? SequenceObjective(preset) else { preconditionFailure("\(preset) has no numbers of its own") }
    (beta, length) = (own.reward.beta, own.reward.length)
    if own.target != .labels { crossEntropy = own.crossEntropy }
    klCoefficient = own.reward.divergence?.coefficient
    if preset == .orpo { weight = own.weight }
    if preset == .tReg { weight = own.tokenRewards }
    if case .given(let rewardPenalty, let divergencePenalty) = own.weights {
      (maskPenalty, divergenceMaskPenalty) = (rewardPenalty, divergencePenalty)
    }
    switch own.link {
    case .softmax(_, let margin) where preset == .simpo: self.margin = margin
    case .prospect(let wanted, let unwanted): (self.wanted, self.unwanted) = (wanted, unwanted)
    default: break
    }
  }

  private mutating func take(_ preset: DistillationPreset) {
    guard let own = try? DistillationObjective(preset) else {
      preconditionFailure("\(preset) has no numbers of its own")
    }
    let usual = DistillationParameters()
    crossEntropy = own.crossEntropy
    switch preset {
    case .gkd: beta = 0.5
    case .alignDistil, .alignDistilAdaptive: (beta, strength) = (0.1, usual.strength)
    case .dckd: rejected = usual.rejected
    case .adpa, .adpaKL: gamma = 1
    case .cfgDistil: gamma = 3
    }
  }
}

extension ResponseParameters: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("beta", &beta, "a number from 0 to 1e9") { $0 >= 0 && $0 <= 1e9 }
    try keys.value("length", &length)
    try keys.value("margin", &margin, in: SettingRange.factors)
    try keys.value("crossEntropy", &crossEntropy, in: SettingRange.factors)
    try keys.value("weight", &weight, in: SettingRange.factors)
    try keys.value("klCoefficient", &klCoefficient, in: SettingRange.factors)
    try keys.value("maskPenalty", &maskPenalty, in: SettingRange.factors)
    try keys.value("divergenceMaskPenalty", &divergenceMaskPenalty, in: SettingRange.factors)
    try keys.value("wanted", &wanted, in: SettingRange.factors)
    try keys.value("unwanted", &unwanted, in: SettingRange.factors)
    try keys.value("strength", &strength, in: SettingRange.divisors)
    try keys.value("gamma", &gamma, in: SettingRange.factors)
    try keys.value("rejected", &rejected, in: SettingRange.factors)
    try keys.value("balance", &balance)
    try keys.value("text", &text)
    try keys.value("dimensions", &dimensions, "an even number from 2 to 4096") {
      (2...4096).contains($0) && $0.isMultiple(of: 2)
    }
  }
}

extension SequenceReward.Length: NamedSetting {}
extension Objective.Balance: NamedSetting {}

extension ObjectiveSettings {
  /// The objective over whole responses.
  ///
  /// - Parameter critical: what weighs the tokens of `criticalDPO`; nil: the data.
  /// - Throws: `ObjectiveError` if the numbers ask for something that cannot be.
  func sequenceObjective(_ preset: SequencePreset, critical: LogitMixture? = nil) throws -> SequenceObjective {
    let p = parameters, shared = choice.sharedKeys
    guard preset != .bco || p.length != .mean else {
      throw ObjectiveError("bco", "a mean over tokens", remedy: "Its δ is of sums: length: sum.")
    }
    return try SequenceObjective(
      preset,
      SequenceParameters(
        beta: p.beta, length: p.length, smoothing: shared.contains("smoothing") ? smoothing : nil,
        temperature: try temperatureOfScores, margin: p.margin, crossEntropy: p.crossEntropy, weight: p.weight,
        klCoefficient: p.klCoefficient, wanted: p.wanted ?? 1, unwanted: p.unwanted ?? 1,
        maskPenalty: p.maskPenalty ?? 0, divergenceMaskPenalty: p.divergenceMaskPenalty ?? 0, critical: critical))
  }

  /// The objective against other models.
  ///
  /// - Throws: as ``sequenceObjective(_:)``.
  func distillationObjective(_ preset: DistillationPreset) throws -> DistillationObjective {
    let p = parameters, usual = DistillationParameters()
    return try DistillationObjective(
      preset,
      DistillationParameters(
        beta: p.beta, strength: p.strength ?? usual.strength, temperature: try temperatureOfScores, gamma: p.gamma,
        crossEntropy: p.crossEntropy, rejected: p.rejected ?? usual.rejected, direction: direction))
  }

  private var temperatureOfScores: Double {
    get throws {
      guard case .value(let value) = temperature, value.isFinite else {
        throw ObjectiveError("temperature", "no plain number", remedy: "Perplexities are of distances between tokens.")
      }
      return value
    }
  }
}
