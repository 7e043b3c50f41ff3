// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens

/// The value of `scale`: `auto`, `2.5`, `{ relative: 0.05 }`, `{ field: sd }`, `{ raters: ratings }`, `{ box: 0.05 }` or
/// `{ temperature: 12.5 }`.
public enum ScaleChoice: Sendable, Hashable {
  /// A share of the training answers' spread.
  case auto
  /// Raters' targets of that width.
  case raters(String)
  /// A width that is known, or found in each record.
  case given(ValueScale)

  /// Nil where a width must be found first.
  var scale: ValueScale? {
    guard case .given(let scale) = self else { return nil }
    return scale
  }

  /// The field that each record must have.
  var field: String? {
    switch self {
    case .auto: nil
    case .raters(let name): name
    case .given(let scale): scale.field
    }
  }

  /// With the width that was found.
  func scale(width: Double) -> ValueScale {
    switch self {
    case .auto: .width(width)
    case .raters(let name): .raters(name, width: width)
    case .given(let scale): scale
    }
  }

}

extension ScaleChoice: SettingValue {
  init?(setting: JSON) {
    if setting == .string("auto") {
      self = .auto
    } else if case .object(let object) = setting, object.count == 1, case .string(let name)? = object["raters"] {
      self = .raters(name)
    } else if let scale = ValueScale(setting: setting) {
      self = .given(scale)
    } else {
      return nil
    }
  }

  var setting: JSON {
    switch self {
    case .auto: .string("auto")
    case .raters(let name): ["raters": .string(name)]
    case .given(let scale): scale.setting
    }
  }

  static var schema: JSON {
    let number: JSON = ["type": "number"], text: JSON = ["type": "string"]
    let raters: JSON = [
      "type": "object", "properties": ["raters": text, "width": number], "required": ["raters"],
      "additionalProperties": .bool(false),
    ]
    return [
      "anyOf": [
        ["const": "auto"], number, .oneKey("relative", number), .oneKey("box", number), .oneKey("field", text), raters,
        .oneKey("temperature", number),
      ]
    ]
  }

  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    let isPositive = { (json: JSON) in Double(setting: json).map { $0 > 0 } ?? false }
    let isName = { (json: JSON) in if case .string = json { true } else { false } }
    let number = (words: "a number above 0", isRight: isPositive),
      name = (words: "the name of a field", isRight: isName)
    return .inMapping(
      json,
      ["relative": number, "box": number, "temperature": number, "width": number, "field": name, "raters": name])
  }

  static var expected: String {
    "auto, a number above 0, or one of { relative: share }, { box: share }, { field: name }, { raters: name, width: number }, "
      + "{ temperature: number }"
  }
}

extension ValueScale {
  fileprivate init?(setting: JSON) {
    func positive(_ json: JSON?) -> Double? {
      json.flatMap { Double(setting: $0) }.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }
    if let width = positive(setting) {
      self = .width(width)
      return
    }
    guard case .object(let object) = setting else { return nil }
    if object.count == 2, case .string(let name)? = object["raters"], let width = positive(object["width"]) {
      self = .raters(name, width: width)
      return
    }
    guard object.count == 1 else { return nil }
    if case .string(let name)? = object["field"] {
      self = .field(name)
    } else if let share = positive(object["relative"]) {
      self = .relative(share)
    } else if let share = positive(object["box"]) {
      self = .box(share)
    } else if let tau = positive(object["temperature"]) {
      self = .temperature(tau)
    } else {
      return nil
    }
  }

  /// As the run file has it.
  var setting: JSON {
    switch self {
    case .temperature(let tau): ["temperature": .double(tau)]
    case .width(let width): .double(width)
    case .relative(let share): ["relative": .double(share)]
    case .field(let name): ["field": .string(name)]
    case .raters(let name, let width): ["raters": .string(name), "width": .double(width)]
    case .box(let share): ["box": .double(share)]
    }
  }
}
