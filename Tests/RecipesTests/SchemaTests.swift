// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
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

  /// Distances are those of the registry, one of a program's own as well.
  @Test func distancesAreThoseOfTheRegistry() async throws {
    await #expect(processExitsWith: .success) {
      struct Clock: ValueDistance, NamedDistance {
        static let name = "clock"
        static let parameters = [DistanceParameter("hours", .integer)]
        let isSymmetric = true, satisfiesTriangleInequality = true, hours: Double
        init(_ parameters: DistanceParameters) throws { hours = Double(try parameters.integer("hours")) }
        func distance(from x: Double, to y: Double) -> Double { min(abs(x - y), hours - abs(x - y)) }
      }
      func run(_ distance: String) throws -> RunSettings {
        try RunSettings(yaml: "model: m\nmetrics:\n  - { name: a, tokens: digits, distance: \(distance) }")
      }
      let unknown = #expect(throws: InputError.self) { try run("{ name: clock, hours: 12 }") }
      #expect(unknown?.expected == "one of \(DistanceRegistry.names.joined(separator: ", "))")
      DistanceRegistry.register(Clock.self)
      let metric = try run("{ name: clock, hours: 12 }").metrics[0]
      #expect(metric.distance == MetricSettings.DistanceChoice("clock", ["hours": .integer(12)]))
      let made = try #require(metric.distance.make() as? Clock)
      #expect(made.distance(from: 11, to: 1) == 2)
      let missing = #expect(throws: ObjectiveError.self) { try run("clock").metrics[0].distance.make() }
      #expect(missing?.description.contains("clock distance: its parameter hours is missing") == true)
      let schema = try RunSettings.schema().output(pretty: false, path: "")
      #expect(schema.contains("\"clock\""))
      #expect(schema.contains("\"hours\""))
    }
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
    return schema["properties"] == nil && !takesAnyName(schema) ? [] : [schema]
  }

  private func takesAnyName(_ schema: JSON) -> Bool {
    if case .object? = schema["additionalProperties"] { true } else { false }
  }

  private func unknown(_ value: JSON, _ schema: JSON?, _ path: String) -> [String] {
    switch value {
    case .object(let object):
      let allowed = mappings(schema)
      // Names that a user gives, each with a value of one kind.
      if allowed.contains(where: takesAnyName) { return [] }
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
