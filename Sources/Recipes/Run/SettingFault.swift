// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import TorchNN

/// Part of a key's value for which the whole is refused.
struct SettingFault {
  /// Where below the key: `.q_proj`, `[2]`.
  var path: String
  /// Expectation of this part; nil: what the whole key may be says it.
  var expected: String?
  /// What is there.
  var found: String
  /// What to write in its place.
  var remedy = ""

  /// A key of a mapping that means one of a few things by its key.
  ///
  /// - Parameters:
  ///   - known: keys it may have, each with its value in words and whether it is that.
  /// - Returns: nil where each key is known and has what it may have.
  static func inMapping(_ json: JSON, _ known: KeyValuePairs<String, (words: String, isRight: (JSON) -> Bool)>) -> Self?
  {
    guard case .object(let object) = json else { return nil }
    let names = known.map(\.key)
    for (key, value) in object.members {
      guard let allowed = known.first(where: { $0.key == key })?.value else {
        let near = nearestName(to: key, among: names).map { "Did you mean \($0)?" } ?? ""
        return Self(
          path: ".\(key)", expected: "one of the keys \(names.joined(separator: ", "))", found: "\"\(key)\"",
          remedy: near)
      }
      guard allowed.isRight(value) else { return Self(path: ".\(key)", expected: allowed.words, found: value.summary) }
    }
    return nil
  }
}

extension Array where Element: SettingValue {
  /// The first element that is of another kind, or is refused where others alone are not.
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    guard case .array(let values) = json else { return Element.fault(in: json) { isAllowed([$0]) } }
    for (index, value) in values.enumerated() where Element(setting: value) == nil {
      guard var fault = Element.fault(in: value, { _ in true }) else {
        return SettingFault(
          path: "[\(index)]", expected: Element.expected, found: value.summary, remedy: Element.remedy(for: value))
      }
      fault.path = "[\(index)]" + fault.path
      return fault
    }
    let areAllowed = values.map { value in Element(setting: value).map { isAllowed([$0]) } ?? false }
    guard areAllowed.contains(true), let index = areAllowed.firstIndex(of: false) else { return nil }
    return SettingFault(path: "[\(index)]", found: values[index].summary)
  }
}

extension ClosedRange where Bound: SettingValue {
  /// An end of another kind.
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    guard case .array = json else { return nil }
    return [Bound].fault(in: json) { _ in true }
  }
}

extension LayerPattern where Value: SettingValue {
  /// The first layer whose value is of another kind, or refused.
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    guard case .object(let object) = json else { return nil }
    for (name, json) in object.members {
      if let value = Value(setting: json), isAllowed(Self([Entry(name, value)])) { continue }
      return SettingFault(path: ".\(name)", found: json.summary)
    }
    return nil
  }
}
