// SPDX-License-Identifier: Apache-2.0
import Files
public import Objectives

/// Loss to minimise.
public struct ObjectiveSettings: Sendable, Hashable {
  /// Which objective, of which family.
  public var choice: ObjectivePreset
  /// α
  public var alpha: Double
  /// τ of metrics that have none of their own, or of scores of responses.
  public var temperature: Temperature
  /// Over which tokens the model's softmax is taken.
  public var softmax: DistanceLoss.Softmax
  /// Which way the divergence is taken.
  public var direction: DistanceLoss.Direction
  /// ε of the presets that smooth.
  public var smoothing: Double
  /// How terms become one number.
  public var reduction: Objective.Reduction
  /// What the margins of pairs of ratings are.
  public var margins: RatingMargins
  /// Numbers of objectives over whole responses and against other models.
  public var parameters: ResponseParameters

  /// Which loss terms there are, of an objective of tokens; `sft` where it is of another family, whose models answer
  /// like those. To set it is to choose it: with its own numbers where the other does not have them, and with its own τ
  /// where the other's was never chosen.
  public var preset: Preset {
    get { if case .tokens(let preset) = choice { preset } else { .sft } }
    set {
      guard case .tokens(let old) = choice else {
        self = ObjectiveSettings(preset: newValue)
        return
      }
      guard old != newValue else { return }
      if temperature == .value(old.defaultTemperature) { temperature = .value(newValue.defaultTemperature) }
      (choice, parameters) = (.tokens(newValue), ResponseParameters(.tokens(newValue)))
    }
  }

  /// Memberwise; the defaults are the run file's.
  ///
  /// - Parameters:
  ///   - alpha: nil: the preset's own.
  ///   - temperature: nil: the preset's own.
  public init(
    preset: Preset = .dist, alpha: Double? = nil, temperature: Temperature? = nil,
    softmax: DistanceLoss.Softmax = .subset, direction: DistanceLoss.Direction = .forward, smoothing: Double = 0.1,
    reduction: Objective.Reduction = .means, margins: RatingMargins = .relative
  ) {
    (choice, self.alpha) = (.tokens(preset), alpha ?? preset.defaultAlpha)
    self.temperature = temperature ?? .value(preset.defaultTemperature)
    (self.softmax, self.direction, self.smoothing, self.reduction) = (softmax, direction, smoothing, reduction)
    self.margins = margins
    parameters = ResponseParameters(.tokens(preset))
  }

  /// An objective of any family, with its own numbers.
  public init(_ choice: ObjectivePreset) {
    guard !choice.isOfTokens else {
      if case .tokens(let preset) = choice { self.init(preset: preset) } else { self.init() }
      return
    }
    self.init(preset: .sft, temperature: .value(1))
    (self.choice, parameters) = (choice, ResponseParameters(choice))
    switch choice {
    case .responses(let preset): smoothing = preset.ownSmoothing ?? 0
    case .distillation: (direction, smoothing) = (DistillationParameters().direction, 0)
    case .tokens: break
    }
  }
}

extension ObjectiveSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("preset", &choice)
    if keys.isReading { self = ObjectiveSettings(choice) }
    try keys.value("alpha", &alpha, in: SettingRange.factors)
    try keys.value("temperature", &temperature)
    try keys.value("softmax", &softmax)
    try keys.value("direction", &direction)
    let isOfTokens = choice.isOfTokens
    try keys.value("smoothing", &smoothing, isOfTokens ? "a number above 0 and below 1" : "a number from 0 to below 1")
    {
      $0 < 1 && (isOfTokens ? $0 > 0 : $0 >= 0)
    }
    try keys.value("reduction", &reduction)
    try keys.value("margins", &margins)
    try parameters.visit(keys)
    if keys.isReading { try refuseUnread(keys) }
  }

  /// Refuses numbers that the preset does not read.
  private func refuseUnread(_ keys: any SettingsKeys) throws {
    let own = ObjectiveSettings(choice), usual = SettingsWriter.tree(of: own), given = SettingsWriter.tree(of: self)
    let read = Set(own.parameters.names).union(choice.sharedKeys).union(["preset"])
    guard case .object(let members) = given else { return }
    for (key, value) in members.members where !read.contains(key) && usual[key] != value {
      throw keys.error(
        key,
        expected: "a key that \(choice.rawValue) reads: "
          + read.subtracting(["preset"]).sorted().joined(separator: ", "),
        found: key, remedy: "Leave it out.")
    }
  }
}

extension ResponseParameters {
  /// The keys that hold a number.
  var names: [String] {
    guard case .object(let object) = SettingsWriter.tree(of: self) else { return [] }
    return object.members.filter { $0.value != .null }.map(\.key)
  }
}

extension ObjectivePreset {
  /// Which keys a preset reads of those that objectives of tokens have as well.
  var sharedKeys: Set<String> {
    switch self {
    case .tokens: ["alpha", "temperature", "softmax", "direction", "smoothing", "reduction", "margins"]
    case .responses(let preset):
      [.infoNCA, .nca, .raml].contains(preset) ? ["temperature"] : preset.ownSmoothing != nil ? ["smoothing"] : []
    case .distillation(.gkd), .distillation(.adpaKL): ["temperature"]
    case .distillation(.cfgDistil): ["direction"]
    case .distillation: []
    }
  }
}

extension SequencePreset {
  /// ε where none is chosen; nil where none is read.
  fileprivate var ownSmoothing: Double? {
    guard [.dpo, .cdpo, .robustDPO, .exo].contains(self), let own = try? SequenceObjective(self) else { return nil }
    return switch own.target {
    case .best(let smoothing): smoothing
    case .signed(let noise): noise
    default: nil
    }
  }
}

extension Preset {
  /// Whether it is nothing without a metric.
  var needsMetrics: Bool { ![.sft, .smoothVocabulary, .emo].contains(self) && rating == nil }

  /// τ where none is chosen: 1 of scores of responses, as `infoNCA` and its kin have it, and a head's own.
  var defaultTemperature: Double {
    switch self {
    case .listwise: 1
    case .generalPreference: GeneralPreference().temperature
    default: 2
    }
  }
}
