// SPDX-License-Identifier: Apache-2.0
import Files
public import Objectives
public import Recipes

/// One thing that is compared: an objective at a point of the axes.
public struct ComparisonVariant: Codable, Sendable, Hashable {
  /// Its objective, of whatever family.
  public var choice: ObjectivePreset
  /// Keys that differ between variants, and their values.
  public var point: [ComparisonAxis.Value]

  init(_ choice: ObjectivePreset, _ point: [ComparisonAxis.Value]) { (self.choice, self.point) = (choice, point) }

  /// Its objective, if that is one of tokens.
  public var preset: Preset? { if case .tokens(let preset) = choice { preset } else { nil } }

  /// `dist`, or `dist, temperature 2`.
  var name: String {
    ([choice.rawValue] + point.map { "\($0.key.split(separator: ".").last ?? "") \($0.value)" }).joined(separator: ", ")
  }

  // The objective by its name, as folders of earlier versions have it.
  private enum CodingKeys: String, CodingKey { case choice = "preset", point }

  /// From a folder's settings.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let name = try values.decode(String.self, forKey: .choice)
    guard let choice = ObjectivePreset(rawValue: name) else {
      throw DecodingError.dataCorruptedError(
        forKey: .choice, in: values, debugDescription: "no objective is called \(name)")
    }
    self.init(choice, try values.decode([ComparisonAxis.Value].self, forKey: .point))
  }

  /// Into a folder's settings.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(choice.rawValue, forKey: .choice)
    try values.encode(point, forKey: .point)
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
      throw InputError(
        path: "<arguments>", place: "--over \(text)", expected: "values", found: "an empty one",
        remedy: "For instance --over objective.temperature=1,2,4.")
    }
    values = parts.map { Value(key: key, value: $0) }
  }
}

extension ObjectivePreset {
  /// Whether an objective reads a key of the run file.
  func isChanged(by key: String) -> Bool {
    if case .tokens(let preset) = self { return preset.isChanged(by: key) }
    // What imitates responses has no reward that it learns.
    if [.responses(.raft), .responses(.raml)].contains(self), ["objective.beta", "objective.length"].contains(key) {
      return false
    }
    let section = "objective."
    return !key.hasPrefix(section) || reads(String(key.dropFirst(section.count)))
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
    if key == "objective.margins" { return self == .marginBradleyTerry || self == .scaledBradleyTerry }
    switch self {
    case .textRegularized where ["text", "weight", "beta"].contains { key == "objective.\($0)" }: return true
    case .generalPreference where key == "objective.dimensions": return true
    case .listwise, .generalPreference:
      return key == "objective.temperature" || !isMetric && !key.hasPrefix("objective.")
    case .sft, .bradleyTerry, .marginBradleyTerry, .scaledBradleyTerry, .regression, .textRegularized, .listwiseOrder:
      return !isMetric && !key.hasPrefix("objective.")
    case .smoothVocabulary: return !isMetric && (!key.hasPrefix("objective.") || key == "objective.smoothing")
    case .vocab, .ntlWasserstein, .ntlMSE, .smooth: return !isTemperature && !isDistance
    case .raml: return key != "objective.alpha"
    case .emo:
      return !isMetric
        && (!key.hasPrefix("objective.") || ["alpha", "balance", "reduction"].contains { key == "objective.\($0)" })
    default: return true
    }
  }
}
