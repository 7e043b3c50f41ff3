// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// A key under which two trees of settings differ.
struct SettingDifference: CustomStringConvertible {
  let key: String
  let old: JSON
  let new: JSON

  /// `train.seed: 1, now 2`.
  var description: String { "\(key): \(Self.text(old)), now \(Self.text(new))" }

  /// A value, of which a few words are enough to know it again.
  private static func text(_ value: JSON) -> String {
    let text = value.text()
    return text.count > 80 ? "\(text.prefix(80))…" : text
  }

  /// The first few of them in words.
  static func listed(_ differences: [Self]) -> String {
    let more = differences.count - 4
    return differences.prefix(4).map(\.description).joined(separator: "; ") + (more > 0 ? "; and \(more) more" : "")
  }
}

extension JSON {
  /// What differs in another tree, in the order of keys.
  func differences(in new: JSON) -> [SettingDifference] {
    let (old, new) = (Dictionary(leaves("")) { $1 }, Dictionary(new.leaves("")) { $1 })
    return Set(old.keys).union(new.keys).sorted().compactMap { key in
      let (a, b) = (old[key] ?? .null, new[key] ?? .null)
      return a.saysTheSame(as: b) ? nil : SettingDifference(key: key, old: a, new: b)
    }
  }

  /// All values that are no object, with their key paths.
  func leaves(_ path: String) -> [(String, JSON)] {
    switch self {
    case .object(let object): object.members.flatMap { $0.value.leaves(path.isEmpty ? $0.key : "\(path).\($0.key)") }
    case .array(let elements) where elements.contains { if case .object = $0 { true } else { false } }:
      elements.enumerated().flatMap { $0.element.leaves("\(path)[\($0.offset)]") }
    default: [(path, self)]
    }
  }

  /// Equal, be it that one was written `2` and the other `2.0`.
  private func saysTheSame(as other: JSON) -> Bool {
    switch (self, other) {
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.saysTheSame(as: $1) }
    default:
      if let a = Double(setting: self), let b = Double(setting: other) { a == b } else { self == other }
    }
  }
}

extension RunStore {
  /// Settings for which the runs of two experiments must not be mixed. Those of which a folder may hold both, such as seeds,
  /// are none of them.
  static func differences(
    from old: Settings, to new: Settings, joined: (_ kept: Settings, _ new: Settings) -> Settings?
  ) throws -> [SettingDifference] {
    let (before, after) = (try tree(old), try tree(new))
    guard case .object(let mine) = before, case .object(let theirs) = after else {
      return before.differences(in: after)
    }
    let differing = theirs.members.filter { mine[$0.key] != $0.value }
    // One by one in the place of the folder's own.
    let atFault = differing.filter { key, value in
      var mixed = mine
      mixed[key] = value
      let bytes = Array(JSON.object(mixed).text().utf8)
      guard let settings = try? JSONDecoder().decode(Settings.self, from: Data(bytes)) else { return true }
      return joined(old, settings) == nil
    }
    // Keys that only one of them has, or that are refused together, are in the whole.
    guard !atFault.isEmpty else { return before.readingRunFiles.differences(in: after.readingRunFiles) }
    func part(_ object: JSONObject) -> JSON {
      .object(atFault.reduce(into: JSONObject()) { $0[$1.key] = object[$1.key] ?? .null })
    }
    return part(mine).readingRunFiles.differences(in: part(theirs).readingRunFiles)
  }

  private static func tree(_ settings: Settings) throws -> JSON {
    try JSON(
      parsing: String(decoding: encodedJSON(settings, path: "settings.json"), as: UTF8.self), path: "settings.json")
  }
}

extension JSON {
  /// With the keys of run files, which experiments keep as texts, in the place of the texts.
  fileprivate var readingRunFiles: JSON {
    guard case .object(let object) = self else { return self }
    var read = JSONObject()
    for (key, value) in object.members {
      if case .string(let text) = value, text.contains("\n"),
        let file = try? SettingsDocument(yaml: text, path: key), case .object(let keys) = file.root
      {
        for (key, value) in keys.members { read[key] = value }
      } else {
        read[key] = value
      }
    }
    return .object(read)
  }
}
