// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
public import TokenData

/// Where examples come from and how they become tokens.
public struct DataSettings: Sendable, Hashable {
  /// Files of examples, or a folder of image codes; nil for none.
  public var train: DataSource?
  /// Validated on while training; nil for none.
  public var valid: DataSource?
  /// Tested on afterwards; nil for none.
  public var test: DataSource?
  /// Whether these are folders of image codes, which `dist2 image-codes` makes, and no text.
  public var areCodes: Bool
  /// Folder of the tokenizer that made the codes: its code book is what distances are between, and it paints what the
  /// model draws. Nil for text.
  public var tokenizer: String?
  /// Format of a line; nil: decided by its fields.
  public var format: RecordFormat?
  /// Format of a line of responses, for objectives that read these; nil: decided by its fields, and by the objective
  /// where a line may stand for two formats.
  public var records: ResponseFormat?
  /// What becomes of lines that prefer neither response.
  public var ties: Ties
  /// Name of the chat template; nil: that of the model for conversations, none for plain prompts.
  public var template: String?
  /// Writes a record's columns into prompt and answer; nil: records have these as fields.
  public var columns: ColumnTemplate?
  /// The day that Llama 3.1's and 3.2's templates write, `26 Jul 2024`; nil: what the template has for it.
  public var date: String?
  /// Fields under other names than TRL's.
  public var fields: RecordFields
  /// The same of records with responses; prompt, completion and id are those of ``fields``.
  public var responseFields: ResponseFields
  /// Whether an end token follows each answer and is learnt with it.
  public var end: Bool
  /// Whether digits of answers are tokens of their own; nil: where a metric of single digits wants it.
  public var splitDigits: Bool?
  /// Rows, and pixels of a row, that images are brought to before the model's own preparation; nil: as they are.
  public var squareImages: Int?
  /// Largest number of tokens of an example; nil: the model's context.
  public var maxLength: Int?
  /// Treatment of longer ones.
  public var tooLong: Dataset.TooLong
  /// Whether lines that cannot be read are left out, counted and listed.
  public var skipBad: Bool
  /// Only so many examples of the training file, the first of an order shuffled by `train.seed`; nil for all.
  public var limit: Int?

  /// Memberwise; the defaults are the run file's.
  ///
  /// - Parameters:
  ///   - train: as seen from the current folder, like all paths.
  ///   - areCodes: set by `format: codes` in a run file.
  public init(
    train: DataSource? = nil, valid: DataSource? = nil, test: DataSource? = nil, areCodes: Bool = false,
    tokenizer: String? = nil,
    format: RecordFormat? = nil, records: ResponseFormat? = nil, ties: Ties = .error, template: String? = nil,
    columns: ColumnTemplate? = nil, date: String? = nil, fields: RecordFields = RecordFields(),
    responseFields: ResponseFields = ResponseFields(),
    end: Bool = true, splitDigits: Bool? = nil, squareImages: Int? = nil, maxLength: Int? = nil,
    tooLong: Dataset.TooLong = .error, skipBad: Bool = false, limit: Int? = nil
  ) {
    (self.train, self.valid, self.test, self.areCodes, self.tokenizer) = (train, valid, test, areCodes, tokenizer)
    (self.format, self.template, self.columns, self.date) = (format, template, columns, date)
    (self.records, self.ties, self.responseFields) = (records, ties, responseFields)
    (self.fields, self.end) = (fields, end)
    (self.splitDigits, self.squareImages, self.maxLength) = (splitDigits, squareImages, maxLength)
    (self.tooLong, self.skipBad, self.limit) = (tooLong, skipBad, limit)
  }
}

extension DataSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    var folder: String?
    try keys.path("folder", &folder)
    try keys.source("train", &train)
    try keys.source("valid", &valid)
    try keys.source("test", &test)
    if let folder { try takeFiles(of: folder, keys) }
    var format = AutomaticFormat(self)
    try keys.value("format", &format)
    (self.format, areCodes) = (format.format, format == .codes)
    try keys.value("records", &records)
    try keys.value("ties", &ties)
    try keys.path("tokenizer", &tokenizer)
    try keys.refuse(
      if: tokenizer != nil && !areCodes, "tokenizer", expected: "no such key for text, whose tokenizer is the model's",
      found: "one", remedy: "Image codes are asked for with data.format: codes.")
    var templates = TemplateKeys(chat: template, columns)
    try keys.optionalWordOrSection("template", word: "chat", &templates, new: TemplateKeys())
    (template, columns) = (templates?.chat, try templates?.columnTemplate(keys))
    try keys.value("date", &date, "a day as Llama's templates write it, like 26 Jul 2024") {
      $0.wholeMatch(of: #/[0-9]{2} [A-Z][a-z]{2} [0-9]{4}/#) != nil
    }
    var names = FieldKeys(record: fields, response: responseFields)
    try keys.section("fields", &names)
    (fields, responseFields) = (names.record, names.response)
    try keys.value("end", &end)
    try keys.value("splitDigits", &splitDigits)
    try keys.value("squareImages", &squareImages, in: 1...4096)
    try keys.value("maxLength", &maxLength, in: 2...1_000_000_000)
    try keys.value("tooLong", &tooLong)
    try keys.value("skipBad", &skipBad)
    try keys.value("limit", &limit, in: SettingRange.counts)
  }

  /// Takes the splits of a folder, as far as they exist and are not named themselves.
  private mutating func takeFiles(of folder: String, _ keys: any SettingsKeys) throws {
    func file(_ name: String) -> DataSource? { DataSource(folder: folder, split: name) }
    (train, valid, test) = (train ?? file("train"), valid ?? file("valid"), test ?? file("test"))
    try keys.refuse(
      if: train == nil && valid == nil && test == nil, "folder",
      expected: "a folder with train.jsonl, valid.jsonl or test.jsonl (or .json, .csv, .tsv)",
      found: "none of them in \(folder)")
  }
}

/// `auto`, one of `RecordFormat`, or `codes`.
private enum AutomaticFormat: String, CaseIterable, NamedSetting {
  case auto, promptCompletion, messages, text, alpaca, codes
  var format: RecordFormat? { RecordFormat(rawValue: rawValue) }
  init(_ data: DataSettings) {
    self = data.areCodes ? .codes : data.format.flatMap { Self(rawValue: $0.rawValue) } ?? .auto
  }
}

extension Dataset.TooLong: NamedSetting {}

/// What becomes of lines that prefer neither response (HelpSteer2-Preference, strength 0).
public enum Ties: String, Sendable, Hashable, CaseIterable, NamedSetting {
  /// They are refused.
  case error
  /// They are left out.
  case skip
}

extension ResponseFormat: NamedSetting {}

/// `data.fields`
private struct FieldKeys: SettingsSection {
  var record: RecordFields
  var response: ResponseFields

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("prompt", &record.prompt)
    try keys.value("completion", &record.completion)
    try keys.value("messages", &record.messages)
    try keys.value("text", &record.text)
    try keys.value("images", &record.images)
    try keys.value("spans", &record.spans)
    try keys.value("id", &record.id)
    try keys.value("chosen", &response.chosen)
    try keys.value("rejected", &response.rejected)
    try keys.value("label", &response.label)
    try keys.value("completions", &response.completions)
    try keys.value("scores", &response.scores)
    try keys.value("margin", &response.margin)
    try keys.value("probability", &response.probability)
    try keys.value("weight", &response.weight)
    (response.prompt, response.completion, response.id) = (record.prompt, record.completion, record.id)
  }
}
