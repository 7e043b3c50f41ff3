// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Reports

extension RunArtifacts {
  /// What a user should know of the settings: those that the objective ignores, and formats that one number decides.
  var settingsRemarks: [String] { settings.ignored + formatRemarks }
}

extension RunSettings {
  /// Settings of metrics that were given and change nothing under the run's objective. Objectives without a distance
  /// ignore all of them by design, and are no reason to say so.
  var ignored: [String] {
    let preset = objective.preset
    guard preset == .dist || preset.isOfValues else { return [] }
    return metrics.compactMap { metric in
      let kind = metric.targetKind(under: preset), keys = metric.ignoredKeys(kind)
      guard !keys.isEmpty else { return nil }
      let use =
        switch kind {
        case .value: "targets over whole numbers have a scale, and no place, contrast or temperature"
        case .histogram: "histograms have a scale, and nothing else"
        case .digit: "they are for targets over whole numbers: target: value, or preset value or valueDrawn"
        }
      return "metric \(metric.name): \(keys.joined(separator: ", ")) without effect: \(use)"
    }
  }
}

extension MetricSettings {
  /// What is taught of its numbers under a preset.
  fileprivate func targetKind(under preset: Preset) -> WholeValueSettings.Target {
    whole.isHistogram(under: preset) ? .histogram : whole.areTaught(by: preset) ? .value : .digit
  }

  fileprivate func ignoredKeys(_ kind: WholeValueSettings.Target) -> [String] {
    let ofTokens = [("temperature", temperature != nil), ("contrast", contrast != .none), ("place", place != .number)]
    let ofValues = [("draw", whole.draw != nil), ("values", whole.format != nil)]
    let given: [(key: String, isGiven: Bool)] =
      switch kind {
      case .value: ofTokens
      case .histogram: [("distance", distance != DistanceChoice("squared"))] + ofTokens + ofValues
      case .digit:
        [("scale", whole.scaleChoice != .auto)] + ofValues + [("crossEntropy", whole.crossEntropy != nil)]
      }
    return given.filter(\.isGiven).map(\.key)
  }
}

extension LearntFormat {
  /// Said of a number that alone makes the range many times as wide.
  func remark(metric: String) -> String? {
    outlier.map { outlier in
      let (low, high) = (outlier.others.lowerBound, outlier.others.upperBound)
      return
        "metric \(metric): the range of its numbers is that of one, \(outlier.text) on line \(outlier.line); the others "
        + "lie between \(Quantity.number(low)) and \(Quantity.number(high)). Correct it, or say the range: "
        + "values: { range: [\(Quantity.number(low)), \(Quantity.number(high))] }"
    }
  }
}
