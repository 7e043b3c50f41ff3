import Files
import Foundation
public import Objectives

/// What is compared: arms, each trained with every seed on the same data in the same order from the same weights.
public struct ComparisonSettings: Codable, Sendable, Equatable {
  /// The run file as resolved, without what arms and seeds change.
  public var run: String
  /// The file it was read from, for errors and relative names.
  public var path: String
  /// What is compared.
  public var arms: [ComparisonArm]
  /// Seeds of data order, subsets, neighbours, adapters.
  public var seeds: [Int]
  /// The figure that verdicts are about; nil: the first that fits the answers.
  public var metric: String?

  /// Makes the arms of all objectives at all points of the axes.
  ///
  /// Axes that change nothing for an objective (τ for sft) make no arms of their own.
  ///
  /// - Parameters:
  ///   - axes: `key=value,value,…`, as `objective.temperature=1,2,4`.
  /// - Throws: `InputError` for an axis without values, or an arm whose run file would be refused.
  public init(
    _ settings: RunSettings, objectives: [Preset], axes: [String], seeds: [Int], metric: String? = nil
  ) throws {
    run = settings.resolved.yaml
    path = settings.path
    self.seeds = seeds
    self.metric = metric
    let axes = try axes.map(ComparisonAxis.init)
    var points: [[ComparisonAxis.Value]] = [[]]
    for axis in axes { points = points.flatMap { point in axis.values.map { point + [$0] } } }
    arms = []
    for point in points {
      for preset in objectives {
        let arm = ComparisonArm(preset, point.filter { preset.isChanged(by: $0.key) })
        if !arms.contains(arm) { arms.append(arm) }
      }
    }
    for arm in arms { _ = try self.settings(arm, seed: seeds[0], output: "") }
  }

  /// The run file of one cell.
  package func settings(_ arm: ComparisonArm, seed: Int, output: String) throws -> RunSettings {
    let assignments =
      ["objective.preset=\(arm.preset.rawValue)"] + arm.point.map { "\($0.key)=\($0.value)" }
      + ["train.seed=\(seed)"]
    return try RunSettings(yaml: run, path: path, overrides: assignments, values: [("output", .string(output))])
  }

  /// Every cell, seeds outermost: an interrupted comparison then holds whole seeds.
  var cells: [(name: String, arm: ComparisonArm, seed: Int)] {
    seeds.flatMap { seed in arms.map { ("\($0.fileName)-seed\(seed)", $0, seed) } }
  }
}

/// One thing that is compared: an objective at a point of the axes.
public struct ComparisonArm: Codable, Sendable, Hashable {
  /// Its objective.
  public var preset: Preset
  /// Keys that differ between arms, and their values.
  public var point: [ComparisonAxis.Value]

  init(_ preset: Preset, _ point: [ComparisonAxis.Value]) { (self.preset, self.point) = (preset, point) }

  /// `dist`, or `dist, temperature 2`.
  var name: String {
    ([preset.rawValue] + point.map { "\($0.key.split(separator: ".").last ?? "") \($0.value)" }).joined(separator: ", ")
  }

  /// A name for files.
  var fileName: String {
    String(name.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }).replacing("--", with: "-")
  }
}

/// A key of the run file and the values it takes.
public struct ComparisonAxis: Sendable, Hashable {
  /// One value of one key.
  public struct Value: Codable, Sendable, Hashable {
    /// The key: `objective.temperature`.
    public var key: String
    /// What it is set to.
    public var value: String
  }

  let values: [Value]

  /// From `key=value,value`; commas inside brackets and braces separate nothing.
  init(_ text: String) throws {
    guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
      throw InputError(
        path: "<arguments>", place: "--over \(text)", expected: "key=value,value,…", found: "no key or no =",
        remedy: "For instance --over objective.temperature=1,2,4.")
    }
    let key = String(text[..<sign])
    var parts = [""], depth = 0
    for character in text[text.index(after: sign)...] {
      if "[{".contains(character) { depth += 1 }
      if "]}".contains(character) { depth -= 1 }
      if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
    }
    guard !parts.contains("") else {
      throw InputError(path: "<arguments>", place: "--over \(text)", expected: "values", found: "an empty one")
    }
    values = parts.map { Value(key: key, value: $0) }
  }
}

extension Preset {
  /// Whether an objective reads a key of the run file.
  func isChanged(by key: String) -> Bool {
    let isMetric = key.hasPrefix("metrics.") || key.hasPrefix("metrics[")
    let ofValues = ["target", "values", "scale", "draw", "crossEntropy"]
    if isMetric, !isOfValues, self != .dist, ofValues.contains(where: { key.hasSuffix(".\($0)") }) { return false }
    let isTemperature = key.hasSuffix("temperature"), isDistance = key.hasSuffix("distance")
    // Targets over whole numbers have widths of their own, and no neighbours.
    if isOfValues, isTemperature || key.hasSuffix("contrast") || key.hasSuffix("place") { return false }
    switch self {
    case .sft, .bradleyTerry, .marginBradleyTerry, .scaledBradleyTerry, .regression:
      return !isMetric && !key.hasPrefix("objective.")
    case .smoothVocabulary: return !isMetric && (!key.hasPrefix("objective.") || key == "objective.smoothing")
    case .vocab, .ntlWasserstein, .ntlMSE, .smooth: return !isTemperature && !isDistance
    case .raml: return key != "objective.alpha"
    default: return true
    }
  }
}
