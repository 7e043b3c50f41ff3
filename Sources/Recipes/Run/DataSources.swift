// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenData

extension DataSource {
  /// A path, a pattern, or a list of these, as seen from the run file; nil for none.
  init?(_ reader: SettingsReader, _ key: String, folder: String) throws {
    let patterns: [String]? = try reader.optional(key, "a file, a pattern such as part-*.csv, or a list of these") {
      !$0.isEmpty
    }
    guard let patterns else { return nil }
    self.init(patterns.map { pathInRunFile($0, from: folder) })
  }

  /// The file of a split in a folder, lines before arrays before tables; nil if it has none.
  init?(folder: String, split: String) {
    let endings = ["jsonl", "json", "csv", "tsv"].flatMap { [$0, $0 + ".gz"] }
    guard let path = endings.lazy.map({ "\(folder)/\(split).\($0)" }).first(where: { fileExists($0) }) else {
      return nil
    }
    self.init(path)
  }

  /// Whether this is data by its name, no run file.
  public var isData: Bool {
    let name = path.lowercased(), plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
    return ["csv", "tsv", "tab", "jsonl", "ndjson", "json"].contains { plain.hasSuffix(".\($0)") }
  }

  /// As a run file has it.
  var setting: JSON { patterns.count == 1 ? .string(patterns[0]) : patterns.setting }
}

extension RunArtifacts {
  /// The examples of one file.
  public func dataset(_ path: String) throws -> Dataset { try dataset(DataSource(path)) }
}

/// `data.template`: the name of a chat template, or how a record's columns are written into prompt and answer, or both.
func templates(_ reader: SettingsReader) throws -> (chat: String?, columns: ColumnTemplate?) {
  let names = ChatTemplate.named.map(\.name)
  let chat: String? = try reader.optional("chat", "one of none, model, \(names.joined(separator: ", "))") {
    names.contains($0) || ["none", "model"].contains($0)
  }
  let prompt: String? = try reader.optional("prompt", "text with columns in braces, {name}")
  let completion: String? = try reader.optional("completion", "text with columns in braces, {name} or {name:05}")
  switch (prompt, completion) {
  case (let prompt?, let completion?):
    do { return (chat, try ColumnTemplate(prompt: prompt, completion: completion)) } catch {
      throw reader.error(error.key, expected: error.expected, found: error.found, remedy: error.remedy)
    }
  case (nil, nil): return (chat, nil)
  case (nil, _?): throw reader.error("completion", expected: "prompt beside it", found: "completion alone")
  case (_?, nil): throw reader.error("prompt", expected: "completion beside it", found: "prompt alone")
  }
}

extension DataSettings {
  /// `data.template` as a run file has it: a word where it is the chat template alone.
  var templateSetting: JSON {
    guard let columns else { return template.map { .string($0) } ?? .null }
    var object = JSONObject()
    object["prompt"] = .string(columns.prompt)
    object["completion"] = .string(columns.completion)
    if let template { object["chat"] = .string(template) }
    return .object(object)
  }

  /// Reads records as these settings say.
  var reader: RecordReader { RecordReader(format: format, fields: fields, template: columns) }
}
