// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
public import MetricTokens

/// The responses of files, checked and encoded from the first line to the last before a run begins.
public final class ResponseDataset: Sendable {
  /// How lines become examples.
  public struct Rules: Sendable {
    /// Reads lines.
    public var reader: ResponseReader
    /// Makes tokens of records.
    public var encoder: ExampleEncoder
    /// Largest number of tokens of a prompt with one response.
    public var maxLength: Int
    /// What becomes of those that are longer. `cutPrompt` cuts the same tokens before all responses.
    public var tooLong: Dataset.TooLong
    /// Whether lines that cannot be used are left out, counted and listed.
    public var skipBad: Bool
    /// Only so many lines, the first of a shuffled order; nil for all.
    public var limit: Int?
    /// Seed of that order.
    public var seed: UInt64

    /// Memberwise.
    public init(
      reader: ResponseReader, encoder: ExampleEncoder, maxLength: Int, tooLong: Dataset.TooLong = .error,
      skipBad: Bool = false, limit: Int? = nil, seed: UInt64 = 0
    ) {
      (self.reader, self.encoder, self.maxLength) = (reader, encoder, maxLength)
      (self.tooLong, self.skipBad, self.limit, self.seed) = (tooLong, skipBad, limit, seed)
    }
  }

  /// The files.
  public let file: DataFiles
  /// The examples, in the order of their lines: one for each line, two for a preference that is unpaired.
  public let examples: [EncodedExample]
  /// Content found in the files.
  public let summary: DatasetSummary
  private let places: [(line: Int, record: Int)]
  private let reader: ResponseReader

  /// Reads, checks and encodes every line.
  ///
  /// - Parameter progress: told how many lines are done.
  /// - Throws: `InputError` for the first line that cannot be used (unless it is to be skipped), or if none is left.
  public init(
    _ source: DataSource, _ rules: Rules, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws(InputError) {
    let file = try DataFiles(source)
    (self.file, reader) = (file, rules.reader)
    let order = Dataset.order(file.count, limit: rules.limit, seed: rules.seed)
    var summary = DatasetSummary(
      path: file.path, lines: file.count, fingerprint: file.fingerprint(), rules.encoder, readsMetrics: false)
    var examples = [EncodedExample](), places = [(line: Int, record: Int)]()
    for start in stride(from: 0, to: order.count, by: 1024) {
      let part = order[start..<min(start + 1024, order.count)]
      let encoded = encodedOnAllCores(part) { [file] line throws(LineError) in try Self.encode(file, line, rules) }
      for (line, outcome) in zip(part, encoded) {
        switch outcome {
        case .success(let own):
          for (record, entry) in own.enumerated() {
            summary.add(entry.example, wasCut: entry.wasCut, isRendered: entry.isRendered)
            examples.append(entry.example)
            places.append((line, record))
          }
        case .failure(let error):
          guard rules.skipBad || error.isLength && rules.tooLong == .skip else { throw error.error.ofLine }
          summary.skip(line: file.lineNumber(line), error)
        }
      }
      progress(start + part.count, order.count)
    }
    guard !examples.isEmpty else {
      throw InputError(
        path: file.path, expected: "at least one line that can be used", found: "none of \(order.count)",
        remedy: summary.skipped.first.map { "The first was left out because of this: \($0.reason)" } ?? "")
    }
    (self.examples, self.places, self.summary) = (examples, places, summary)
  }

  /// As above, of one file.
  public convenience init(_ path: String, _ rules: Rules) throws(InputError) { try self.init(DataSource(path), rules) }

  /// Number of examples.
  public var count: Int { examples.count }

  /// An example as the model learns it.
  public func example(_ index: Int) -> EncodedExample { examples[index] }

  /// An example as its author wrote it.
  public func record(_ index: Int) throws(InputError) -> ResponseRecord {
    try reader.records(file, places[index].line)[places[index].record]
  }

  /// Line of an example in its file.
  public func lineNumber(_ index: Int) -> Int { file.lineNumber(places[index].line) }

  /// Path and place of an example, for errors.
  public func place(_ index: Int) -> (path: String, place: String) {
    (file.path(of: places[index].line), file.place(places[index].line))
  }

  /// A line's example, and what became of it.
  private struct Entry: Sendable {
    var example: EncodedExample
    var wasCut: Bool
    var isRendered: Bool
  }

  private static func encode(_ file: DataFiles, _ line: Int, _ rules: Rules) throws(LineError) -> [Entry] {
    let encoded: [(example: EncodedExample, isRendered: Bool)]
    do throws(InputError) {
      encoded = try rules.reader.records(file, line).map { record throws(InputError) in
        (try rules.encoder.encode(record), rules.encoder.renders(record))
      }
    } catch { throw LineError(error: file.named(error, line), isLength: false) }
    return try encoded.map { example, isRendered throws(LineError) in
      guard let short = rules.shortened(example) else {
        throw LineError(error: rules.error(example, file, line), isLength: true)
      }
      return Entry(example: short, wasCut: short.ids.count < example.ids.count, isRendered: isRendered)
    }
  }
}

extension ResponseDataset.Rules {
  fileprivate func shortened(_ example: EncodedExample) -> EncodedExample? {
    let longest = example.documents.map(\.count).max() ?? 0
    guard longest > maxLength else { return example }
    guard tooLong == .cutPrompt || tooLong == .cutAnswer else { return nil }
    return example.shorteningDocuments(
      to: maxLength, keepsAnswer: tooLong == .cutPrompt,
      keeping: example.ids.first == encoder.tokenizer.roles.begin ? 1 : 0)
  }

  fileprivate func error(_ example: EncodedExample, _ file: DataFiles, _ line: Int) -> InputError {
    InputError(
      path: file.path(of: line), place: file.place(line),
      expected: "at most \(maxLength) tokens of a prompt with one response",
      found: "\(example.documents.map(\.count).max() ?? 0)",
      remedy: tooLong == .error
        ? "Choose what to do with such lines: data.tooLong: skip, cutPrompt or cutAnswer."
        : "Cutting it leaves nothing of a response: raise data.maxLength, or choose data.tooLong: skip.")
  }
}
