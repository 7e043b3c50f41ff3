// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
public import Objectives

/// Settings of a comparison: variants, each trained with every seed on the same data in the same order from the same
/// weights.
public struct ComparisonSettings: Codable, Sendable, Equatable {
  /// Settings of a run, without what variants and seeds change.
  public var run: RunSettings
  /// The file it was read from, for errors and relative names.
  public var path: String
  /// Variants to compare.
  public var variants: [ComparisonVariant]
  /// Seeds of data order, subsets, contrastive examples, adapters.
  public var seeds: [Int]
  /// The figure that verdicts are about; nil: the first that fits the answers.
  public var metric: String?

  // Folders of earlier versions have this key.
  private enum CodingKeys: String, CodingKey { case run, path, variants = "arms", seeds, metric }

  /// Makes the variants of all objectives at all points of the axes.
  ///
  /// Axes that change nothing for an objective (τ for sft) make no variants of their own.
  ///
  /// - Parameters:
  ///   - axes: `key=value,value,…`, as `objective.temperature=1,2,4`.
  /// - Throws: `InputError` for an axis without values, or a variant whose run file would be refused.
  public init(
    _ settings: RunSettings, objectives: [Preset], axes: [String], seeds: [Int], metric: String? = nil
  ) throws {
    run = settings
    path = settings.path
    self.seeds = seeds
    self.metric = metric
    let axes = try axes.map(ComparisonAxis.init)
    var points: [[ComparisonAxis.Value]] = [[]]
    for axis in axes { points = points.flatMap { point in axis.values.map { point + [$0] } } }
    variants = []
    for point in points {
      for preset in objectives {
        let variant = ComparisonVariant(preset, point.filter { preset.isChanged(by: $0.key) })
        if !variants.contains(variant) { variants.append(variant) }
      }
    }
    for variant in variants { _ = try self.settings(variant, seed: seeds[0], output: "") }
  }

  /// These and others' objectives and seeds; nil if they are of another run file. Verdicts are about what was asked last.
  func joined(with other: ComparisonSettings) -> ComparisonSettings? {
    guard run == other.run, path == other.path else { return nil }
    var both = self
    both.variants += other.variants.filter { !variants.contains($0) }
    both.seeds += other.seeds.filter { !seeds.contains($0) }
    both.metric = other.metric
    return both
  }

  /// The run file of one run.
  package func settings(_ variant: ComparisonVariant, seed: Int, output: String) throws -> RunSettings {
    var settings = run
    settings.path = path
    settings.objective.preset = variant.preset
    settings = try settings.setting(variant.point.map { ($0.key, $0.value) }).checked()
    (settings.train.seed, settings.output) = (UInt64(seed), output)
    return settings
  }

  /// Every run, seeds outermost: an interrupted comparison then holds whole seeds.
  var runs: [(name: String, variant: ComparisonVariant, seed: Int)] {
    seeds.flatMap { seed in variants.map { ("\($0.fileName)-seed\(seed)", $0, seed) } }
  }
}

/// One thing that is compared: an objective at a point of the axes.
public struct ComparisonVariant: Codable, Sendable, Hashable {
  /// Its objective.
  public var preset: Preset
  /// Keys that differ between variants, and their values.
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
    // Targets over whole numbers have widths of their own, and no contrastive examples.
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
