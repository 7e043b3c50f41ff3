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
  /// Name of the chat template; nil: that of the model for conversations, none for plain prompts.
  public var template: String?
  /// Writes a record's columns into prompt and answer; nil: records have these as fields.
  public var columns: ColumnTemplate?
  /// The day that Llama 3.1's and 3.2's templates write, `26 Jul 2024`; nil: what the template has for it.
  public var date: String?
  /// Fields under other names than TRL's.
  public var fields: RecordFields
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

  init(_ reader: SettingsReader, folder: String) throws {
    func path(_ key: String) throws -> String? { try reader.optional(key).map { pathInRunFile($0, from: folder) } }
    let all = try path("folder")
    func source(_ key: String) throws -> DataSource? { try DataSource(reader, key, folder: folder) }
    (train, valid, test) = (try source("train"), try source("valid"), try source("test"))
    if let all {
      func file(_ name: String) -> DataSource? { DataSource(folder: all, split: name) }
      (train, valid, test) = (train ?? file("train"), valid ?? file("valid"), test ?? file("test"))
      if train == nil, valid == nil, test == nil {
        throw reader.error(
          "folder", expected: "a folder with train.jsonl, valid.jsonl or test.jsonl (or .json, .csv, .tsv)",
          found: "none of them in \(all)")
      }
    }
    let format: AutomaticFormat = try reader.value("format", default: .auto)
    self.format = format.format
    areCodes = format == .codes
    tokenizer = try path("tokenizer")
    if tokenizer != nil, !areCodes {
      throw reader.error(
        "tokenizer", expected: "no such key for text, whose tokenizer is the model's", found: "one",
        remedy: "Image codes are asked for with data.format: codes.")
    }
    (template, columns) = try reader.optionalWordOrSection("template", word: "chat", templates) ?? (nil, nil)
    date = try reader.optional("date", "a day as Llama's templates write it, like 26 Jul 2024") {
      $0.wholeMatch(of: #/[0-9]{2} [A-Z][a-z]{2} [0-9]{4}/#) != nil
    }
    fields = try reader.section("fields") { try RecordFields($0) }
    end = try reader.value("end", default: true)
    splitDigits = try reader.optional("splitDigits")
    squareImages = try reader.optional("squareImages", in: 1...4096)
    maxLength = try reader.optional("maxLength", in: 2...1_000_000_000)
    tooLong = try reader.value("tooLong", default: .error)
    skipBad = try reader.value("skipBad", default: false)
    limit = try reader.optional("limit", in: SettingRange.counts)
  }

  /// A run's tree with the files as they will be opened.
  func absolute(_ run: JSON) -> JSON {
    var data = (run["data"] ?? .null).replacing("folder", with: .null)
    for (key, source) in [("train", train), ("valid", valid), ("test", test)] {
      data = data.replacing(key, with: source?.setting ?? .null)
    }
    data = data.replacing("tokenizer", with: tokenizer.map { .string($0) } ?? .null)
    data = data.replacing("template", with: templateSetting)
    return run.replacing("data", with: data)
  }
}

/// `auto`, one of `RecordFormat`, or `codes`.
private enum AutomaticFormat: String, CaseIterable, NamedSetting {
  case auto, promptCompletion, messages, text, alpaca, codes
  var format: RecordFormat? { RecordFormat(rawValue: rawValue) }
}

extension Dataset.TooLong: NamedSetting {}

extension RecordFields {
  init(_ reader: SettingsReader) throws {
    let usual = RecordFields()
    self.init(
      prompt: try reader.value("prompt", default: usual.prompt),
      completion: try reader.value("completion", default: usual.completion),
      messages: try reader.value("messages", default: usual.messages),
      text: try reader.value("text", default: usual.text),
      images: try reader.value("images", default: usual.images),
      spans: try reader.value("spans", default: usual.spans),
      id: try reader.value("id", default: usual.id))
  }
}
