// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
public import MetricTokens

/// The responses of a JSONL file, checked and encoded from the first line to the last before a run begins.
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

  /// A line that was left out, and why.
  public struct Skipped: Sendable, Hashable {
    /// Its number, from 1.
    public var line: Int
    /// Reason.
    public var reason: String
  }

  /// The file.
  public let file: JSONLFile
  /// The examples, in the order of their lines.
  public let examples: [EncodedExample]
  /// The lines that could not be used.
  public let skipped: [Skipped]

  /// Reads, checks and encodes every line.
  ///
  /// - Throws: `InputError` for the first line that cannot be used (unless it is to be skipped), or if none is left.
  public init(_ path: String, _ rules: Rules) throws(InputError) {
    file = try JSONLFile(path)
    let order = Dataset.order(file.count, limit: rules.limit, seed: rules.seed)
    var examples = [EncodedExample](), skipped = [Skipped]()
    let encoded = encodedOnAllCores(order) { [file] line throws(LineError) in try Self.encode(file, line, rules) }
    for (line, outcome) in zip(order, encoded) {
      switch outcome {
      case .success(let own): examples += own
      case .failure(let error):
        guard rules.skipBad || error.isLength && rules.tooLong == .skip else { throw error.error }
        skipped.append(Skipped(line: file.lineNumber(line), reason: "\(error.error)"))
      }
    }
    guard !examples.isEmpty else {
      throw InputError(
        path: path, expected: "at least one line that can be used", found: "none of \(order.count)",
        remedy: skipped.first.map { "The first was left out because of this: \($0.reason)" } ?? "")
    }
    (self.examples, self.skipped) = (examples, skipped)
  }

  private static func encode(_ file: JSONLFile, _ line: Int, _ rules: Rules) throws(LineError) -> [EncodedExample] {
    let encoded: [EncodedExample]
    do throws(InputError) {
      encoded = try rules.reader.records(file, line).map { record throws(InputError) in
        try rules.encoder.encode(record)
      }
    } catch { throw LineError(error: file.named(error, line), isLength: false) }
    return try encoded.map { example throws(LineError) in
      guard let short = rules.shortened(example) else {
        throw LineError(error: rules.error(example, file, line), isLength: true)
      }
      return short
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

  fileprivate func error(_ example: EncodedExample, _ file: JSONLFile, _ line: Int) -> InputError {
    InputError(
      path: file.path, place: "line \(file.lineNumber(line))",
      expected: "at most \(maxLength) tokens of a prompt with one response",
      found: "\(example.documents.map(\.count).max() ?? 0)",
      remedy: tooLong == .error
        ? "Choose what to do with such lines: data.tooLong: skip, cutPrompt or cutAnswer."
        : "Cutting it leaves nothing of a response: raise data.maxLength, or choose data.tooLong: skip.")
  }
}
