// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// The JSON Schema of run files, which comes from the reader that checks them.
@Suite struct SchemaTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// Editors read the file in docs: `dist2 schema > docs/run-file.schema.json` makes it anew.
  @Test func theFileInDocsIsTheReaders() throws {
    let kept = try String(contentsOfFile: Self.root + "/docs/run-file.schema.json", encoding: .utf8)
    #expect(try kept == RunSettings.schema().output(pretty: true, path: "") + "\n")
  }

  /// Every key of a run as resolved is one of the schema's.
  @Test func itKnowsWhatRunsHold() throws {
    let schema = try RunSettings.schema()
    let configs = try FileManager.default.subpathsOfDirectory(atPath: Self.root + "/Configs").filter {
      $0.hasSuffix(".yaml")
    }
    #expect(configs.count > 10)
    var checked = 0
    for name in configs {
      guard let run = try? RunSettings(file: "\(Self.root)/Configs/\(name)") else { continue }
      for path in unknown(run.resolved, schema, "") { Issue.record("\(name): \(path) is not in the schema") }
      checked += 1
    }
    #expect(checked > 10)
  }

  @Test func defaultsAndNamesAreTheReaders() throws {
    let properties = try RunSettings.schema()["properties"]
    let preset = properties?["objective"]?["anyOf"]
    guard case .array(let alternatives)? = preset else { throw CancellationError() }
    let names = alternatives[0]["properties"]?["preset"]
    #expect(names?["default"] == .string("dist"))
    #expect(try RunSettings.schema()["required"] == ["model"])
  }

  /// Mappings that a schema allows.
  private func mappings(_ schema: JSON?) -> [JSON] {
    guard let schema else { return [] }
    if case .array(let alternatives)? = schema["anyOf"] { return alternatives.flatMap(mappings) }
    if let items = schema["items"] { return mappings(items) }
    return schema["properties"] == nil ? [] : [schema]
  }

  private func unknown(_ value: JSON, _ schema: JSON?, _ path: String) -> [String] {
    switch value {
    case .object(let object):
      let allowed = mappings(schema)
      return object.members.flatMap { key, member -> [String] in
        let found = allowed.compactMap { $0["properties"]?[key] }
        guard let first = found.first else { return ["\(path).\(key)"] }
        return unknown(member, first, "\(path).\(key)")
      }
    case .array(let elements):
      return elements.flatMap { element -> [String] in
        if case .object = element { unknown(element, schema, path) } else { [] }
      }
    default: return []
    }
  }
}
