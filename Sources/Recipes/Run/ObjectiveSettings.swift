// SPDX-License-Identifier: Apache-2.0
public import Objectives

/// Loss to minimise.
public struct ObjectiveSettings: Sendable, Hashable {
  /// Which loss terms there are.
  public var preset: Preset
  /// α
  public var alpha: Double
  /// τ of metrics that have none of their own.
  public var temperature: Temperature
  /// Over which tokens the model's softmax is taken.
  public var softmax: DistanceLoss.Softmax
  /// Which way the divergence is taken.
  public var direction: DistanceLoss.Direction
  /// ε of the presets that smooth.
  public var smoothing: Double
  /// How terms become one number.
  public var reduction: Objective.Reduction

  /// Memberwise; the defaults are the run file's.
  ///
  /// - Parameter alpha: nil: the preset's own.
  public init(
    preset: Preset = .dist, alpha: Double? = nil, temperature: Temperature = .value(2),
    softmax: DistanceLoss.Softmax = .subset, direction: DistanceLoss.Direction = .forward, smoothing: Double = 0.1,
    reduction: Objective.Reduction = .means
  ) {
    (self.preset, self.alpha, self.temperature) = (preset, alpha ?? preset.defaultAlpha, temperature)
    (self.softmax, self.direction, self.smoothing, self.reduction) = (softmax, direction, smoothing, reduction)
  }
}

extension ObjectiveSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("preset", &preset)
    if keys.isReading { alpha = preset.defaultAlpha }
    try keys.value("alpha", &alpha, in: SettingRange.factors)
    try keys.value("temperature", &temperature)
    try keys.value("softmax", &softmax)
    try keys.value("direction", &direction)
    try keys.value("smoothing", &smoothing, "a number above 0 and below 1") { $0 > 0 && $0 < 1 }
    try keys.value("reduction", &reduction)
  }
}

extension Preset {
  /// Whether it is nothing without a metric.
  var needsMetrics: Bool { self != .sft && self != .smoothVocabulary && rating == nil }
}
