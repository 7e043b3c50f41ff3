// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenData

/// A path, a pattern, or a list of these.
extension DataSource: SettingValue {
  init?(setting: JSON) {
    guard let patterns = [String](setting: setting), !patterns.isEmpty else { return nil }
    self.init(patterns)
  }
  var setting: JSON { patterns.count == 1 ? .string(patterns[0]) : patterns.setting }
  static func fault(in json: JSON, _ isAllowed: (Self) -> Bool) -> SettingFault? {
    [String].fault(in: json) { _ in true }
  }
  static var expected: String { "a file, a pattern such as part-*.csv, or a list of these" }
  static var schema: JSON { [String].schema }
}

extension SettingsKeys {
  /// Files of examples. The property holds them as they will be opened, the file as seen from its own folder.
  func source(_ key: String, _ source: inout DataSource?) throws {
    var given = source.map { DataSource($0.patterns.map(shown)) }
    try value(key, &given)
    source = given.map { DataSource($0.patterns.map { pathInRunFile($0, from: folder) }) }
  }
}

extension DataSource {
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
}

extension RunArtifacts {
  /// The examples of one file.
  public func dataset(_ path: String) throws -> Dataset { try dataset(DataSource(path)) }
}

/// `data.template`: the name of a chat template, or how a record's columns are written into prompt and answer, or both.
struct TemplateKeys: SettingsSection {
  var chat: String?
  private var prompt: String?, completion: String?

  init() {}

  /// Nil where there is neither.
  init?(chat: String?, _ columns: ColumnTemplate?) {
    guard chat != nil || columns != nil else { return nil }
    (self.chat, prompt, completion) = (chat, columns?.prompt, columns?.completion)
  }

  mutating func visit(_ keys: any SettingsKeys) throws {
    let names = ChatTemplate.named.map(\.name)
    try keys.value("chat", &chat, "one of none, model, \(names.joined(separator: ", "))") {
      names.contains($0) || ["none", "model"].contains($0)
    }
    try keys.value("prompt", &prompt, "text with columns in braces, {name}")
    try keys.value("completion", &completion, "text with columns in braces, {name} or {name:05}")
    try keys.refuse(
      if: prompt == nil && completion != nil, "completion", expected: "prompt beside it", found: "completion alone")
    try keys.refuse(
      if: prompt != nil && completion == nil, "prompt", expected: "completion beside it", found: "prompt alone")
    if keys.isReading { _ = try columnTemplate(keys) }
  }

  /// Of prompt and answer; nil where the template is of chats alone.
  func columnTemplate(_ keys: any SettingsKeys) throws -> ColumnTemplate? {
    guard let prompt, let completion else { return nil }
    do { return try ColumnTemplate(prompt: prompt, completion: completion) } catch {
      throw keys.error(error.key, expected: error.expected, found: error.found, remedy: error.remedy)
    }
  }
}

extension DataSettings {
  /// Reads records as these settings say.
  var reader: RecordReader { RecordReader(format: format, fields: fields, template: columns) }
}
