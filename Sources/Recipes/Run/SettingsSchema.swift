// SPDX-License-Identifier: Apache-2.0
public import Files
import Reports

/// What a run file may hold, as settings name their keys: the description that checks files is the one that editors get.
struct SettingsSchema {
  /// JSON Schema of a value that is no mapping; nil for mappings.
  var leaf: JSON?
  /// Keys of a mapping, in order.
  private(set) var keys: [(name: String, schema: SettingsSchema)] = []
  /// Whether it is a list of such mappings.
  var isList = false
  /// The key of the mapping that a single word stands for: `distance: squared`.
  var word: String?
  /// Whether the key must be there.
  var isRequired = false
  /// Words that stand for elements of the list, or for all of it.
  var listWords: [String] = []
  /// Its value where it is absent; nil if there is none, or it depends on other keys.
  var absent: JSON?
  /// What is allowed, in words.
  var words: String?

  /// Adds a key, or what else is known of it.
  mutating func add(_ name: String, _ schema: SettingsSchema) {
    guard let index = keys.firstIndex(where: { $0.name == name }) else { return keys.append((name, schema)) }
    for (name, key) in schema.keys { keys[index].schema.add(name, key) }
    if keys[index].schema.leaf == nil, schema.keys.isEmpty { keys[index].schema.leaf = schema.leaf }
    keys[index].schema.isList = keys[index].schema.isList || schema.isList
    keys[index].schema.listWords += schema.listWords
    keys[index].schema.word = keys[index].schema.word ?? schema.word
  }

  /// The key at a path.
  subscript(name: String) -> SettingsSchema? { keys.first { $0.name == name }?.schema }

  /// As JSON Schema, draft 2020-12.
  var json: JSON {
    var object = JSONObject()
    func add(_ schema: JSON) {
      if case .object(let members) = schema { for (key, value) in members.members { object[key] = value } }
    }
    if keys.isEmpty {
      add(leaf ?? ["type": "object"])
    } else if isList, !listWords.isEmpty {
      let word: JSON = ["enum": .array(listWords.map { .string($0) })]
      add(["anyOf": [word, ["type": "array", "items": ["anyOf": [word, mapping]]]]])
    } else if isList {
      add(["type": "array", "items": mapping])
    } else if let word {
      let one = self[word]?.leaf ?? ["type": "string"]
      add(["anyOf": .array([one, mapping])])
    } else {
      add(mapping)
    }
    if let absent { object["default"] = absent }
    if let words { object["description"] = .string(words) }
    // Null is as good as no such key.
    guard !isRequired else { return .object(object) }
    return Self.orNull(object)
  }

  private var mapping: JSON {
    var properties = JSONObject()
    for (name, schema) in keys { properties[name] = schema.json }
    return [
      "type": "object", "properties": .object(properties), "additionalProperties": .bool(false),
      "required": .array(keys.filter(\.schema.isRequired).map { .string($0.name) }),
    ]
  }

  private static func orNull(_ object: JSONObject) -> JSON {
    var either = JSONObject(), rest = JSONObject()
    for (key, value) in object.members {
      if ["default", "description"].contains(key) { either[key] = value } else { rest[key] = value }
    }
    either["anyOf"] = .array([.object(rest), ["type": "null"]])
    return .object(either)
  }
}

extension RunSettings {
  /// What a run file may hold, as JSON Schema: editors complete and check run files with it (docs/run-files.md).
  public static func schema() throws -> JSON {
    let writer = SettingsWriter(describes: true)
    var defaults = RunSettings(model: "")
    _ = writer.write(&defaults)
    var schema = writer.schema
    var presets = SettingsSchema()
    presets.listWords = MetricPreset.allCases.map(\.rawValue)
    schema.add("metrics", presets)
    // The file itself is never null.
    schema.isRequired = true
    guard case .object(let body) = schema.json else { preconditionFailure("a schema without keys") }
    var object = JSONObject()
    object["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    object["title"] = "Run file of dist2"
    for (key, value) in body.members { object[key] = value }
    return .object(object)
  }
}

extension JSON {
  /// JSON Schema of a mapping that has one key.
  static func oneKey(_ key: String, _ schema: JSON) -> JSON {
    var properties = JSONObject()
    properties[key] = schema
    return [
      "type": "object", "properties": .object(properties), "required": .array([.string(key)]),
      "additionalProperties": .bool(false),
    ]
  }
}
