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

  init(_ reader: SettingsReader) throws {
    preset = try reader.value("preset", default: .dist)
    alpha = try reader.value("alpha", default: preset.defaultAlpha, in: SettingRange.factors)
    temperature = try reader.value("temperature", default: .value(2))
    softmax = try reader.value("softmax", default: .subset)
    direction = try reader.value("direction", default: .forward)
    smoothing = try reader.value("smoothing", default: 0.1, "a number above 0 and below 1") { $0 > 0 && $0 < 1 }
    reduction = try reader.value("reduction", default: .means)
  }
}

extension Preset {
  /// Whether it is nothing without a metric.
  var needsMetrics: Bool { self != .sft && self != .smoothVocabulary && rating == nil }
}
