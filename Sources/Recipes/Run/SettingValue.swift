// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives

/// Value of one key of a run file.
protocol SettingValue {
  /// From what the file says; nil if it is not of this kind.
  init?(setting: JSON)
  /// As the file would say it.
  var setting: JSON { get }
  /// Expectation in error messages.
  static var expected: String { get }
  /// All names, where there are names to choose from.
  static var names: [String] { get }
  /// JSON Schema of what the file may say.
  static var schema: JSON { get }
  /// What to write in place of a value that is refused; empty where nothing is near.
  static func remedy(for json: JSON) -> String
  /// Part of a refused value that is at fault; nil where that is the whole.
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault?
}

extension SettingValue {
  static var names: [String] { [] }
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? { nil }
  static func remedy(for json: JSON) -> String {
    guard case .string(let text) = json, let near = nearestName(to: text, among: names) else { return "" }
    return "Did you mean \(near)?"
  }
}

extension Int: SettingValue {
  init?(setting: JSON) {
    switch setting {
    case .int(let value): self = value
    case .double(let value): self.init(exactly: value)
    default: return nil
    }
  }
  var setting: JSON { .int(self) }
  static var expected: String { "a whole number" }
  static var schema: JSON { ["type": "integer"] }
}

extension Double: SettingValue {
  init?(setting: JSON) {
    switch setting {
    case .int(let value): self = Double(value)
    // Nothing in a run file is infinite, and JSON could not say so of a run as resolved.
    case .double(let value) where value.isFinite: self = value
    default: return nil
    }
  }
  var setting: JSON { .double(self) }
  static var expected: String { "a number" }
  static var schema: JSON { ["type": "number"] }
}

extension Bool: SettingValue {
  init?(setting: JSON) {
    guard case .bool(let value) = setting else { return nil }
    self = value
  }
  var setting: JSON { .bool(self) }
  static var expected: String { "true or false" }
  static var schema: JSON { ["type": "boolean"] }
}

extension String: SettingValue {
  init?(setting: JSON) {
    switch setting {
    case .string(let value): self = value
    // A label or mark may look like a number.
    case .int(let value): self = "\(value)"
    default: return nil
    }
  }
  var setting: JSON { .string(self) }
  static var expected: String { "text" }
  static var schema: JSON { ["type": ["string", "integer"]] }
}

extension Array: SettingValue where Element: SettingValue {
  init?(setting: JSON) {
    // One value stands for a list of one.
    guard case .array(let values) = setting else {
      guard let one = Element(setting: setting) else { return nil }
      self = [one]
      return
    }
    let elements = values.compactMap(Element.init(setting:))
    guard elements.count == values.count else { return nil }
    self = elements
  }
  var setting: JSON { .array(map(\.setting)) }
  static func remedy(for json: JSON) -> String {
    guard case .array(let values) = json else { return Element.remedy(for: json) }
    return values.first { Element(setting: $0) == nil }.map(Element.remedy) ?? ""
  }
  static var expected: String { "a list [a, b, …], each \(Element.expected)" }
  static var schema: JSON { ["anyOf": [["type": "array", "items": Element.schema], Element.schema]] }
  static var names: [String] { Element.names }
}

/// A word of a fixed list.
protocol NamedSetting: SettingValue, RawRepresentable<String>, CaseIterable {}

extension NamedSetting {
  init?(setting: JSON) {
    guard case .string(let text) = setting else { return nil }
    self.init(rawValue: text)
  }
  var setting: JSON { .string(rawValue) }
  static var expected: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map { .string($0) })] }
  static var names: [String] { allCases.map(\.rawValue) }
}

/// A value that run files have a word for, if it is one of those they may have.
protocol WordSetting: SettingValue, Equatable {
  /// The words.
  static var words: KeyValuePairs<String, Self> { get }
}

extension WordSetting {
  init?(setting: JSON) {
    guard case .string(let text) = setting, let found = Self.words.first(where: { $0.key == text }) else { return nil }
    self = found.value
  }
  /// Its word; a description that is refused, where there is none.
  var setting: JSON { .string(Self.words.first { $0.value == self }?.key ?? "\(self)") }
  static var expected: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map { .string($0) })] }
  static var names: [String] { words.map(\.key) }
}

extension Preset: NamedSetting {}
extension PlaceRule: NamedSetting {}
extension Spacing: NamedSetting {}
extension Duplicates: NamedSetting {}
extension DistanceLoss.Softmax: NamedSetting {}
extension DistanceLoss.Direction: NamedSetting {}
extension Objective.Reduction: NamedSetting {}
extension RatingMargins: NamedSetting {}

/// `[low, high]`
extension ClosedRange: SettingValue where Bound: SettingValue {
  init?(setting: JSON) {
    guard let ends = [Bound](setting: setting), ends.count == 2, ends[0] <= ends[1] else { return nil }
    self = ends[0]...ends[1]
  }
  var setting: JSON { .array([lowerBound.setting, upperBound.setting]) }
  static func remedy(for json: JSON) -> String {
    guard let ends = [Bound](setting: json), ends.count == 2, ends[0] > ends[1], case .array(let written) = json else {
      return ""
    }
    return "The least comes first: write \(JSON.array(written.reversed()).summary.trimmingPrefix("array "))."
  }
  static var expected: String { "[low, high], each \(Bound.expected)" }
  static var schema: JSON {
    ["type": "array", "items": Bound.schema, "minItems": .int(2), "maxItems": .int(2)]
  }
}

/// A number τ, `{ perplexity: k }` or `{ rowPerplexity: k }`.
extension Temperature: SettingValue {
  init?(setting: JSON) {
    if setting == .double(.infinity) {
      self = .value(.infinity)  // All candidates alike.
    } else if let value = Double(setting: setting), value == 0 || SettingRange.divisors.contains(value) {
      self = .value(value)
    } else if case .object(let object) = setting, object.count == 1, let (key, json) = object.members.first,
      let value = Double(setting: json), (1...1e9).contains(value)
    {
      switch key {
      case "perplexity": self = .perplexity(value)
      case "rowPerplexity": self = .rowPerplexity(value)
      default: return nil
      }
    } else {
      return nil
    }
  }
  var setting: JSON {
    switch self {
    case .value(let value): .double(value)
    case .perplexity(let value): ["perplexity": .double(value)]
    case .rowPerplexity(let value): ["rowPerplexity": .double(value)]
    case .labelSmoothing(let value): ["labelSmoothing": .double(value)]
    }
  }
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    let words = "a number from 1 to 1e9",
      isRight = { (json: JSON) in
        Double(setting: json).map((1...1e9).contains) ?? false
      }
    return .inMapping(json, ["perplexity": (words, isRight), "rowPerplexity": (words, isRight)])
  }
  static var expected: String { "0, a number from 1e-9 to 1e9, or { perplexity: k } with k ≥ 1" }
  static var schema: JSON {
    [
      "anyOf": [
        ["type": "number"], .oneKey("perplexity", ["type": "number"]), .oneKey("rowPerplexity", ["type": "number"]),
      ]
    ]
  }
}
