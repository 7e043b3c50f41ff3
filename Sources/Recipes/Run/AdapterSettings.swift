// SPDX-License-Identifier: Apache-2.0
import Files
import TorchNN

extension LoRASettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("rank", &rank, in: SettingRange.sizes)
    try keys.value("alpha", &alpha, in: SettingRange.divisors)
    try keys.value("dropout", &dropout, "a share below 1") { $0 >= 0 && $0 < 1 }
    try keys.value("targets", &targets)
    try keys.value("exclude", &exclude)
    try keys.value("rankStabilized", &isRankStabilized)
    try keys.value("dora", &decomposesWeights)
    try keys.value("rankPattern", &rankPattern, "a rank from 1 to 1000000 for each layer") { pattern in
      pattern.entries.allSatisfy { SettingRange.sizes.contains($0.value) }
    }
    try keys.value("alphaPattern", &alphaPattern, "a number from 1e-9 to 1e9 for each layer") { pattern in
      pattern.entries.allSatisfy { SettingRange.divisors.contains($0.value) }
    }
    try keys.value("modulesToSave", &modulesToSave)
  }
}

extension LayerPattern: SettingValue where Value: SettingValue {
  init?(setting: JSON) {
    guard case .object(let object) = setting else { return nil }
    let entries = object.members.compactMap { key, value in Value(setting: value).map { Entry(key, $0) } }
    guard entries.count == object.count else { return nil }
    self.init(entries)
  }
  var setting: JSON { .object(entries.reduce(into: JSONObject()) { $0[$1.name] = $1.value.setting }) }
  static var expected: String { "names of layers, each with \(Value.expected)" }
  static var schema: JSON { ["type": "object", "additionalProperties": Value.schema] }
}

extension QuantizationSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("type", &format)
    try keys.value("doubleQuantization", &nestsScales)
    try keys.value("exclude", &exclude)
  }
}

extension QuantizationSettings.Format: NamedSetting {}
