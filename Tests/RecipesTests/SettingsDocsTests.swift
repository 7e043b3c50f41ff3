// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// The tables of docs/run-files.md and docs/reward-models.md against the schema: every key has a row with its default,
/// and no row is about anything else.
@Suite struct SettingsDocsTests {
  /// A row of a table.
  private struct Row {
    /// Keys of the first column.
    var keys: [String]
    /// Second column.
    var defaults: String
    /// The whole line.
    var text: String
  }

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  @Test(arguments: ["data", "metrics", "objective", "reference", "teachers", "train", "evaluate"])
  func sections(_ name: String) throws {
    try compare(rows(ofFile: "run-files", heading: name), try schema().member(name), name)
  }

  @Test func topLevel() throws {
    let keys = try rows(ofFile: "run-files", heading: "Top level").flatMap(\.keys)
    #expect(Set(keys) == Set(try schema().members.map(\.key)))
    #expect(keys.count == Set(keys).count)
  }

  /// The keys of a score are the same for `overall` and each of `attributes`.
  @Test func ratedResponses() throws {
    let rows = try rows(ofFile: "reward-models", heading: "Data"), reward = try schema().member("reward")
    let scores = ["overall", "attributes"].flatMap { reward.member($0).members }
    let known = reward.members + scores
    for row in rows {
      for key in row.keys { #expect(known.contains { $0.key == key }, "\(row.text)") }
    }
    for (key, member) in known {
      let row = rows.first { $0.keys.contains(key) || $0.text.contains("`\(key)") }
      let found = try #require(row, "\(key) has no row")
      if found.keys.contains(key) { expectDefault(of: member, key, found) }
    }
  }

  private func compare(_ rows: [Row], _ section: JSON, _ name: String) throws {
    let keys = section.members
    #expect(!keys.isEmpty)
    for row in rows {
      for key in row.keys { #expect(keys.contains { $0.key == key }, "\(name): no key \(key) for \(row.text)") }
    }
    for (key, member) in keys {
      let rows = rows.filter { $0.keys.contains(key) }
      #expect(rows.count == 1, "\(name).\(key) has \(rows.count) rows")
      guard let row = rows.first else { continue }
      expectDefault(of: member, key, row)
      try expectParts(of: member, "\(name).\(key)", row)
    }
  }

  /// Keys of a mapping stand in its own row as `key: value`, with the default where they have one, or as `{ key, … }`,
  /// where the default is the key's name. `{ perplexity: k }` and the like have letters.
  private func expectParts(of member: JSON, _ path: String, _ row: Row) throws {
    for (key, part) in member.members where !["kind", "in", "name", "scores"].contains(key) {
      let named = row.text.firstMatch(of: try Regex("\\b\(key)(?=:|,| \\}|`| of)"))
      let found = try #require(named, "\(path).\(key) is not in \(row.text)")
      try expectParts(of: part, "\(path).\(key)", row)
      guard let usual = part["default"] else { continue }
      let rest = row.text[found.range.upperBound...]
      let value = rest.hasPrefix(": ") ? Self.list(String(rest.dropFirst(2)))[0] : key
      #expect(Self.says(value, usual), "\(path).\(key): \(value) for \(usual.text())")
    }
  }

  private func expectDefault(of member: JSON, _ key: String, _ row: Row) {
    guard let usual = member["default"] else { return }
    let parts = Self.list(row.defaults), index = row.keys.firstIndex(of: key) ?? 0
    let text = parts.count == row.keys.count ? parts[index] : row.defaults
    #expect(Self.says(text, usual), "\(key): \(text) for \(usual.text())")
  }

  /// Whether a text of the docs says a default; what follows a semicolon or space is explanation.
  private static func says(_ text: String, _ value: JSON) -> Bool {
    let text = text.replacing("`", with: "").trimmingCharacters(in: .whitespaces)
    let word = String(text.prefix { $0 != ";" })
    switch value {
    case .string(let value): return word == value || word == "\"\(value)\""
    case .bool(let value): return word == "\(value)"
    case .int(let value): return Double(word) == Double(value)
    case .double(let value): return Double(word) == value
    case .array(let values):
      if values.isEmpty { return word == "none" || word == "[]" }
      let parts = list(String(word.dropFirst().dropLast()))
      return word.hasPrefix("[") && parts.count == values.count && zip(parts, values).allSatisfy(says)
    case .object(let values): return values.count == 0 && word == "{}"
    case .null: return false
    }
  }

  /// Parts between commas outside of brackets, up to the end of a mapping.
  private static func list(_ text: String) -> [String] {
    var parts = [""], depth = 0
    for character in text {
      if "[{(".contains(character) { depth += 1 }
      if "]})".contains(character) { depth -= 1 }
      if depth < 0 { break }
      if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
    }
    return parts.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The rows of the first table that has keys under a heading.
  private func rows(ofFile name: String, heading: String) throws -> [Row] {
    let lines = try String(contentsOfFile: "\(Self.root)/docs/\(name).md", encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let start = try #require(lines.firstIndex(of: "## \(heading)"), "no heading \(heading)")
    let table = lines[(start + 1)...].drop { $0 != "| Key | Default | Meaning |" }.dropFirst(2)
      .prefix { $0.hasPrefix("|") }
    try #require(!table.isEmpty)
    return table.map { line in
      let cells = line.split(separator: " | ", maxSplits: 2).map(String.init)
      return Row(
        keys: cells[0].matches(of: /`([^`]+)`/).map { String($0.1) }, defaults: cells.count > 2 ? cells[1] : "",
        text: line)
    }
  }

  private func schema() throws -> JSON { try RunSettings.schema() }
}

extension JSON {
  /// The keys that a schema allows, with their schemas.
  fileprivate var members: [(key: String, value: JSON)] {
    if case .array(let alternatives)? = self["anyOf"] { return alternatives.flatMap(\.members) }
    if let items = self["items"] { return items.members }
    guard case .object(let properties)? = self["properties"] else { return [] }
    return properties.members
  }

  fileprivate func member(_ key: String) -> JSON { members.first { $0.key == key }?.value ?? .null }
}
