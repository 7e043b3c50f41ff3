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
  }

  /// Support of a target; presets of values choose values whatever this says.
  public var target: Target
  /// How numbers are written; nil: learnt from the training answers.
  public var format: ValueFormat?
  /// How wide targets are, as the run file says it.
  var scaleChoice: ScaleChoice
  /// How wide targets are; nil (`auto`): a share of the training answers' spread, `LearntFormat/width(_:)`.
  public var scale: ValueScale? { scaleChoice.scale }
  /// Share of the times at which a number is drawn; nil: the preset says.
  public var draw: Double?
  /// Treatment of the cross entropy at numbers; nil: the preset says.
  public var crossEntropy: ValueRule.CrossEntropy?

  init(_ reader: SettingsReader) throws {
    target = try reader.value("target", default: .digit)
    format = try reader.optionalSection("values") { try ValueFormat($0) }
    scaleChoice = try reader.value("scale", default: .auto)
    draw = try reader.optional("draw", "a share from 0 to 1") { (0...1).contains($0) }
    crossEntropy = try reader.optional("crossEntropy")
  }

  /// Whether numbers are taught whole under a preset. `dist` is digit by digit unless the metric asks for values.
  func areTaught(by preset: Preset) -> Bool { preset.isOfValues || target == .value && preset == .dist }
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

extension ValueFormat {
  /// `{ range: [0, 999], decimals: 2, trimmed: false, integerDigits: 1 }`
  init(_ reader: SettingsReader) throws {
    let decimals: Int = try reader.value("decimals", default: 0, "from 0 to 15") { (0...15).contains($0) }
    let trimmed: Bool = try reader.value("trimmed", default: false)
    let digits: Int = try reader.value("integerDigits", default: 1, "from 1 to 15") { (1...15).contains($0) }
    let range: ClosedRange<Double> = try reader.required("range", "[least, greatest], of at most 15 digits") {
      $0.lowerBound.isFinite && $0.upperBound.isFinite
    }
    do {
      let draft = try ValueFormat(indices: 0...0, decimals: decimals, isTrimmed: trimmed, integerDigits: digits)
      guard let low = draft.index(nearest: range.lowerBound), let high = draft.index(nearest: range.upperBound) else {
        throw reader.error(
          "range", expected: "ends of at most 15 digits, \(decimals) of them decimals", found: "\(range)")
      }
      try self.init(indices: low...high, decimals: decimals, isTrimmed: trimmed, integerDigits: digits)
    } catch let error as ValueFormatError {
      throw reader.error(nil, expected: "at most 15 digits in all", found: "\(error)")
    }
    guard count >= 2 else { throw reader.error("range", expected: "at least two values", found: "one") }
  }

  /// As the run file has it.
  var tree: JSON {
    [
      "decimals": .int(decimals), "trimmed": .bool(isTrimmed), "integerDigits": .int(integerDigits),
      "range": .array([.double(range.lowerBound), .double(range.upperBound)]),
    ]
  }
}

extension ValueRule.CrossEntropy: NamedSetting {}
