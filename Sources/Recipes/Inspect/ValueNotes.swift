// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Reports

extension Inspection {
  /// Widths at which a target over whole values teaches nothing of its own: a sentence a metric.
  var valueWarnings: [String] {
    zip(artifacts.settings.metrics, artifacts.teacher?.rules ?? []).compactMap { metric, rule in
      guard let rule, rule.isTaught, case .width(let width) = rule.target.scale else { return nil }
      let format = rule.target.format, step = format.spacing, range = format.range.upperBound - format.range.lowerBound
      let scale = "metric \(metric.name): scale \(Quantity.number(width)) is so"
      if width < step / 6 {
        return
          "\(scale) small beside the step between numbers, \(Quantity.number(step)), that targets are one-hot: the "
          + "distance changes nothing"
      }
      if width > 3 * max(range, step) {
        return
          "\(scale) large beside the numbers' range, \(Quantity.number(range)), that targets are nearly flat: nothing "
          + "is taught of which number is right"
      }
      return nil
    }
  }

  /// How numbers are taught as whole values, or as histograms: a sentence a metric.
  var valueNotes: [String] {
    guard let teacher = artifacts.teacher else { return [] }
    return artifacts.settings.metrics.enumerated().compactMap { index, metric in
      (teacher.rules[index]?.summary ?? teacher.histograms[index]?.summary).map { "metric \(metric.name): \($0)" }
    }
  }
}

extension ValueRule {
  /// Taught values, in words.
  var summary: String {
    var words = "whole numbers \(target.format.words). Target: \(target.distance.words), \(target.scale.words)."
    if draw > 0 { words += " Drawn from it \(draw == 1 ? "each time" : "\(Quantity.percent(draw)) of the times")." }
    if !isTaught { return words + " Drawn numbers are learnt by cross entropy." }
    return words + (crossEntropy == .replaced ? " No cross entropy at numbers." : "")
  }
}

extension HistogramRule {
  /// Taught bins, in words.
  fileprivate var summary: String { "bins around each number, as a normal distribution fills them: \(scale.words)." }
}

extension ValueFormat {
  /// `from 0.00 to 9.75, 2 digits before the point with zeros in front`
  var words: String {
    var words = "from \(text(indices.lowerBound)) to \(text(indices.upperBound))"
    if step > 1 { words += " in steps of \(Quantity.number(spacing))" }
    if decimals > 0, isTrimmed { words += ", up to \(decimals) decimals" }
    if integerDigits > 1 { words += ", \(integerDigits) digits before the point with zeros in front" }
    return words
  }
}

extension NumberDistance {
  fileprivate var words: String {
    switch self {
    case .squared: "squared distance"
    case .absolute: "absolute distance"
    case .relative: "relative distance"
    case .other(let metric): "\(metric.base.name) distance"
    case .circular(let period): "distance around a circle of \(Quantity.number(period))"
    }
  }
}

extension ValueScale {
  fileprivate var words: String {
    switch self {
    case .temperature(let tau): "τ = \(Quantity.number(tau))"
    case .width(let width): "scale \(Quantity.number(width))"
    case .relative(let share): "scale \(Quantity.percent(share)) of the number"
    case .field(let name): "scale from field \(name) of each record"
    case .raters(let name, let width):
      "the ratings in field \(name) of each record, mixed, scale \(Quantity.number(width)) each"
    case .box(let share): "scale \(Quantity.percent(share)) of the box's size"
    }
  }
}
