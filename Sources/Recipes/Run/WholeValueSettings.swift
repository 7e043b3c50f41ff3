// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens
import Objectives

/// The keys of a metric that teach its numbers as whole values: `target`, `values`, `scale`, `draw`, `crossEntropy`.
public struct WholeValueSettings: Sendable, Hashable {
  /// Support of a target.
  public enum Target: String, Sendable, Hashable, CaseIterable, NamedSetting {
    /// The candidates of one token, as in the paper.
    case digit
    /// All values of the number's format.
    case value
    /// The candidates of one token, as bins of a normal distribution around a real number (HL-Gauss).
    case histogram
  }

  /// Support of a target; presets of values choose values whatever this says.
  public var target: Target
  /// How numbers are written; nil: learnt from the training answers.
  public var format: ValueFormat?
  /// How wide targets are, as the run file says it.
  public var scaleChoice: ScaleChoice
  /// How wide targets are; nil (`auto`): a share of the training answers' spread, `LearntFormat/width(_:)`.
  public var scale: ValueScale? { scaleChoice.scale }
  /// Share of the times at which a number is drawn; nil: the preset says.
  public var draw: Double?
  /// Treatment of the cross entropy at numbers; nil: the preset says.
  public var crossEntropy: ValueRule.CrossEntropy?

  /// Memberwise; the defaults are the run file's.
  public init(
    target: Target = .digit, format: ValueFormat? = nil, scale: ScaleChoice = .auto, draw: Double? = nil,
    crossEntropy: ValueRule.CrossEntropy? = nil
  ) {
    (self.target, self.format, scaleChoice) = (target, format, scale)
    (self.draw, self.crossEntropy) = (draw, crossEntropy)
  }

  /// Whether numbers are taught whole under a preset. `dist` is digit by digit unless the metric asks for values.
  func areTaught(by preset: Preset) -> Bool { preset.isOfValues || target == .value && preset == .dist }

  /// Whether bins are taught as histograms under a preset.
  func isHistogram(under preset: Preset) -> Bool { target == .histogram && preset == .dist }
}

extension MetricSettings {
  /// How bins are taught under a preset; nil where they are not.
  ///
  /// - Throws: `InputError` for tokens that are no bins, and scales of numbers with several tokens.
  func histogramRule(_ space: TokenSpace, _ preset: Preset, path: String) throws -> HistogramRule? {
    guard whole.isHistogram(under: preset) else { return nil }
    guard let values = space.values, [.number, .token].contains(space.unit), Set(values).count > 1 else {
      throw settingError(
        path, "tokens", expected: "numbers that are one token each, as target is histogram",
        found: "tokens of space \(space.name)", remedy: "For instance tokens: { bins: { … } }; or target: value.")
    }
    let width = 2 * HistogramTarget(values: values).width
    guard
      let rule = HistogramRule(
        values: values, scale: whole.scaleChoice.scale(width: width), crossEntropy: whole.crossEntropy ?? .kept)
    else {
      throw settingError(
        path, "scale", expected: "auto, a number, { field: name } or { raters: name, width: number } of a histogram",
        found: whole.scaleChoice.setting.text(), remedy: "σ is in the bins' own unit.")
    }
    return rule
  }
}

extension WholeValueSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("target", &target)
    try keys.optionalSection("values", &format, new: ValueFormat(indices: 0...9))
    try keys.value("scale", &scaleChoice)
    try keys.value("draw", &draw, "a share from 0 to 1") { (0...1).contains($0) }
    try keys.value("crossEntropy", &crossEntropy)
  }
}

extension Preset {
  /// Treatment of the cross entropy at numbers that are taught whole.
  var crossEntropy: ValueRule.CrossEntropy { self == .valueDrawn ? .replaced : .kept }
}

extension MetricSettings {
  /// How numbers are taught whole.
  ///
  /// - Throws: `InputError` for a distance between values that there is not.
  func valueRule(
    _ space: TokenSpace, _ format: ValueFormat, _ scale: ValueScale, _ preset: Preset, tries: [NumberTrie] = [],
    path: String
  ) throws -> ValueRule {
    ValueRule(
      space, target: ValueTarget(format, distance: try valueDistance(path), scale: scale),
      draw: whole.draw ?? (preset == .valueDrawn || preset == .raml ? 1 : 0),
      crossEntropy: whole.crossEntropy ?? preset.crossEntropy, isTaught: preset != .raml, tries: tries)
  }

  /// The distance between values.
  func valueDistance(_ path: String) throws -> NumberDistance {
    let names = DistanceRegistry.namesBetweenValues
    do {
      if names.contains(distance.name), let made = try distance.make() as? any ValueDistance {
        return made.betweenNumbers
      }
    } catch let error as ObjectiveError {
      throw settingError(
        path, "distance", expected: "a distance that can be computed", found: error.problem, remedy: error.remedy)
    }
    throw settingError(
      path, "distance", expected: "a distance between whole values: \(names.joined(separator: ", "))",
      found: distance.name, remedy: "Other distances are between tokens: target: digit.")
  }

  private func settingError(
    _ path: String, _ key: String, expected: String, found: String, remedy: String
  ) -> InputError {
    InputError(path: path, place: "metric \(name), key \(key)", expected: expected, found: found, remedy: remedy)
  }
}

/// `{ range: [0, 999], decimals: 2, step: 0.25, trimmed: false, integerDigits: 1 }`
extension ValueFormat: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    var decimals = decimals, trimmed = isTrimmed, digits = integerDigits, range = range
    var spacing = step == 1 ? nil : spacing
    try keys.value("decimals", &decimals, "from 0 to 15") { (0...15).contains($0) }
    try keys.value("trimmed", &trimmed)
    try keys.value("integerDigits", &digits, "from 1 to 15") { (1...15).contains($0) }
    try keys.required("range", &range, "[least, greatest], of at most 15 digits") {
      $0.lowerBound.isFinite && $0.upperBound.isFinite
    }
    try keys.value("step", &spacing, "above 0") { $0 > 0 && $0.isFinite }
    guard keys.isReading else { return }
    do {
      let written = try ValueFormat(indices: 0...0, decimals: decimals, isTrimmed: trimmed, integerDigits: digits)
      let step = try step(of: spacing ?? written.spacing, written, keys)
      let draft = try ValueFormat(
        indices: 0...0, decimals: decimals, isTrimmed: trimmed, integerDigits: digits, step: step)
      guard let low = draft.index(nearest: range.lowerBound), let high = draft.index(nearest: range.upperBound) else {
        throw keys.error(
          "range", expected: "ends of at most 15 digits, \(decimals) of them decimals",
          found: "[\(range.lowerBound), \(range.upperBound)]", remedy: "Take fewer decimals, or a smaller range.")
      }
      self = try ValueFormat(
        indices: low...high, decimals: decimals, isTrimmed: trimmed, integerDigits: digits, step: step)
      // Without a step ends are rounded to what the decimals write.
      try keys.refuse(
        if: spacing != nil && (self.range != ValueFormat.nearest(range, written)), "range",
        expected: "ends that are multiples of the step, \(self.spacing)",
        found: "[\(range.lowerBound), \(range.upperBound)]",
        remedy: "Take [\(self.range.lowerBound), \(self.range.upperBound)]: all numbers are multiples of the step.")
    } catch let error as ValueFormatError {
      throw keys.error(
        nil, expected: "at most 15 digits in all", found: "\(error)", remedy: "Take fewer decimals, or a smaller range."
      )
    }
    try keys.refuse(if: count < 2, "range", expected: "at least two values", found: "one")
  }

  /// A range with ends as a format writes them.
  private static func nearest(_ range: ClosedRange<Double>, _ format: ValueFormat) -> ClosedRange<Double> {
    func rounded(_ end: Double) -> Double { format.index(nearest: end).map(format.value) ?? end }
    return rounded(range.lowerBound)...rounded(range.upperBound)
  }

  /// A distance of neighbouring values in units of the last digit that is written.
  private func step(of spacing: Double, _ written: ValueFormat, _ keys: any SettingsKeys) throws -> Int {
    if let step = written.index(nearest: spacing), step >= 1, abs(written.value(step) - spacing) <= 1e-9 * spacing {
      return step
    }
    throw keys.error(
      "step", expected: "a multiple of \(written.spacing), the least that \(written.decimals) decimals write",
      found: "\(spacing)", remedy: "Take another step, or more decimals.")
  }
}

extension ValueRule.CrossEntropy: NamedSetting {}
