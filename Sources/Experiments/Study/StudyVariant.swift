// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Recipes

/// An objective as the study trains it.
struct StudyVariant: Sendable, Hashable {
  /// The objective.
  var preset: Preset
  /// α of the distance's term; nil where there is none.
  var alpha: Double?
  /// Width of a target over values, as a share of the training answers' standard deviation; nil: what `scale: auto`
  /// chooses, where there is such a target.
  var width: Double?

  /// Cross entropy alone, which all others are held against.
  static let plain = StudyVariant(.sft)

  /// Memberwise.
  init(_ preset: Preset, alpha: Double? = nil, width: Double? = nil) {
    (self.preset, self.alpha, self.width) = (preset, alpha, width)
  }

  /// `dist α 0.1`, `valueDrawn σ 0.2`, `valueDrawn σ auto`
  var name: String {
    let width = width.map(short) ?? (preset.isOfValues ? "auto" : nil)
    return preset.rawValue + (alpha.map { " α \(short($0))" } ?? "") + (width.map { " σ \($0)" } ?? "")
  }

  /// Everything the paper compares, its distance with three weights, and targets over values of three widths and of that
  /// which `scale: auto` chooses.
  static let all: [StudyVariant] =
    [.init(.sft), .init(.vocab, alpha: 0.1), .init(.smooth, alpha: 0.1), .init(.ntlWasserstein, alpha: 0.3)]
    + [.init(.ntlMSE, alpha: 0.3)] + [0.1, 1, 3].map { .init(.dist, alpha: $0) }
    + [Preset.value, .valueDrawn, .raml].flatMap { preset in [0.1, 0.2, 0.4].map { .init(preset, width: $0) } }
    + [.init(.valueDrawn)]

  /// One of each kind, for many tables.
  static let few: [StudyVariant] = [
    .init(.sft), .init(.dist, alpha: 0.1), .init(.dist, alpha: 1), .init(.value, width: 0.2),
    .init(.valueDrawn, width: 0.2), .init(.valueDrawn), .init(.raml, width: 0.2),
  ]

  /// Sets what it changes of a run.
  ///
  /// - Parameter deviation: standard deviation of the training answers.
  func apply(to settings: inout RunSettings, deviation: Double) {
    settings.objective.preset = preset
    settings.objective.alpha = alpha ?? preset.defaultAlpha
    if let width { settings.metrics[0].whole.scaleChoice = .given(.width(max(width * deviation, 1e-6))) }
  }
}

/// Without a decimal point that says nothing.
private func short(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
