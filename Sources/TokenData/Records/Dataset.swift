// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
public import MetricTokens
import Synchronization

/// The examples of files, checked from the first line to the last before a run begins.
///
/// Encoded examples are kept while they fit in memory; those of larger files are read and encoded again when they are
/// asked for, so that a file may be larger than memory.
public final class Dataset: Sendable {
  /// Treatment of an example longer than is allowed.
  public enum TooLong: String, Sendable, Hashable, CaseIterable {
    /// It ends the reading, naming the line.
    case error
    /// It is left out, and counted.
    case skip
    /// The prompt loses its first tokens.
    case cutPrompt
    /// The answer loses its last tokens, the end token among them.
    case cutAnswer
  }

  /// How lines become examples.
  public struct Rules: Sendable {
    /// Reads lines.
    public var reader: RecordReader
    /// Makes tokens of records.
    public var encoder: ExampleEncoder
    /// Largest number of tokens of an example.
    public var maxLength: Int
    /// What becomes of examples that are too long.
    public var tooLong: TooLong
    /// Whether lines that cannot be used are left out, counted and listed.
    public var skipBad: Bool
    /// Only so many examples, the first of a shuffled order; nil for all.
    public var limit: Int?
    /// Seed of that order.
    public var seed: UInt64

    /// Memberwise.
    public init(
      reader: RecordReader, encoder: ExampleEncoder, maxLength: Int, tooLong: TooLong = .error, skipBad: Bool = false,
      limit: Int? = nil, seed: UInt64 = 0
    ) {
      self.reader = reader
      self.encoder = encoder
      self.maxLength = maxLength
      self.tooLong = tooLong
      self.skipBad = skipBad
      self.limit = limit
      self.seed = seed
    }
  }

  /// The files.
  public let file: DataFiles
  /// Content found in it.
  public let summary: DatasetSummary
  private let rules: Rules
  private let lines: [Int]  // entries of the file, in the order of the examples
  private let kept: [EncodedExample]?  // nil if they would be too large

  /// Largest number of tokens that are kept in memory.
  public static let keptTokens = 32 << 20

  /// Reads, checks and encodes every line.
  ///
  /// - Parameters:
  ///   - keptTokens: see ``keptTokens``.
  ///   - progress: told how many lines are done.
  /// - Throws: `InputError` for the first line that cannot be used (unless it is to be skipped), or if none is left.
  public init(
    _ source: DataSource, _ rules: Rules, keptTokens: Int = Dataset.keptTokens,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws(InputError) {
    let file = try DataFiles(source), path = file.path
    self.file = file
    self.rules = rules
    let order = Self.order(file.count, limit: rules.limit, seed: rules.seed)
    var summary = DatasetSummary(path: path, lines: file.count, fingerprint: file.fingerprint(), rules.encoder)
    var lines = [Int](), kept: [EncodedExample]? = []
    for start in stride(from: 0, to: order.count, by: 1024) {
      let part = order[start..<min(start + 1024, order.count)]
      let encoded = encodedOnAllCores(part) { [file] line throws(LineError) in try Self.encode(file, line, rules) }
      for (line, outcome) in zip(part, encoded) {
        switch outcome {
        case .success(let encoded):
          summary.add(encoded)
          lines.append(line)
          kept?.append(encoded.analysis.example)
        case .failure(let error):
          guard rules.skipBad || error.isLength && rules.tooLong == .skip else { throw error.error.ofLine }
          summary.skip(line: file.lineNumber(line), error)
        }
      }
      if summary.tokens > keptTokens { kept = nil }
      progress(start + part.count, order.count)
    }
    guard !lines.isEmpty else {
      throw InputError(
        path: path, expected: "at least one line that can be used", found: "none of \(order.count)",
        remedy: summary.skipped.first.map { "The first was left out because of this: \($0.reason)" } ?? "")
    }
    self.lines = lines
    self.kept = kept
    self.summary = summary
  }

  /// As above, of one file.
  public convenience init(
    _ path: String, _ rules: Rules, keptTokens: Int = Dataset.keptTokens,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws(InputError) {
    try self.init(DataSource(path), rules, keptTokens: keptTokens, progress: progress)
  }

  /// Number of examples.
  public var count: Int { lines.count }

  /// An example as its author wrote it.
  public func record(_ index: Int) throws(InputError) -> Record { try rules.reader.record(file, lines[index]) }

  /// An example as the model learns it.
  public func example(_ index: Int) throws(InputError) -> EncodedExample {
    if let kept { return kept[index] }
    do { return try Self.encode(file, lines[index], rules).analysis.example } catch { throw error.error }
  }

  /// Which of `count` examples are taken: all, or the first `limit` of a shuffled order.
  static func order(_ count: Int, limit: Int?, seed: UInt64) -> [Int] {
    guard let limit, limit < count else { return Array(0..<count) }
    var generator = CounterGenerator(seed, 0x6C69_6D69_74)
    return generator.draw(limit, of: count)
  }

  private static func encode(_ file: DataFiles, _ line: Int, _ rules: Rules) throws(LineError) -> EncodedLine {
    func named(_ error: InputError) -> LineError { LineError(error: file.named(error, line), isLength: false) }
    let record: Record
    do { record = try rules.reader.record(file, line) } catch { throw named(error) }
    // Before memory is taken for each of millions of tokens.
    if rules.tooLong == .cutPrompt || rules.tooLong == .cutAnswer {
      do { try ExampleEncoder.checkCut(record) } catch { throw LineError(error: named(error).error, isLength: true) }
    }
    if let least = rules.tokensTooMany(record) {
      let error = InputError(
        path: file.path(of: line), place: file.place(line), expected: "at most \(rules.maxLength) tokens",
        found: "at least \(least)", remedy: "Shorten it, or leave such lines out: data.tooLong: skip.")
      throw LineError(error: error, isLength: true)
    }
    var analysis: ExampleAnalysis
    do { analysis = try analyze(record, rules.encoder) } catch { throw named(error) }
    let length = analysis.example.ids.count
    let regions = rules.encoder.metrics.filter { $0.finder.space.values != nil && $0.finder.space.unit != .token }
    let numbers = analysis.record.survey(regions.map(\.region))
    guard length > rules.maxLength else { return EncodedLine(analysis: analysis, wasCut: false, numbers: numbers) }
    if let shorter = rules.shorten(analysis.example) {
      analysis.example = shorter
      if rules.tooLong == .cutAnswer { analysis.dropMetrics(from: shorter.ids.count) }
      return EncodedLine(analysis: analysis, wasCut: true, numbers: numbers)
    }
    let error = InputError(
      path: file.path(of: line), place: file.place(line), expected: "at most \(rules.maxLength) tokens",
      found: "\(length)", remedy: rules.remedy(analysis.example))
    throw LineError(error: error, isLength: true)
  }
}

extension Dataset {
  /// Long records are analyzed one by one: a core each would need more memory than there may be.
  private static func analyze(_ record: Record, _ encoder: ExampleEncoder) throws(InputError) -> ExampleAnalysis {
    guard ExampleEncoder.bytes(of: record) > 1 << 20 else { return try encoder.analyze(record) }
    return try oneLongRecord.withLock { _ throws(InputError) in try encoder.analyze(record) }
  }

  private static let oneLongRecord = Mutex(())
}

extension Dataset.Rules {
  /// The fewest tokens that a record of more than a mebibyte can have, if these are too many already and nothing is
  /// cut.
  fileprivate func tokensTooMany(_ record: Record) -> Int? {
    guard tooLong == .error || tooLong == .skip, let least = encoder.fewestTokens(of: record) else { return nil }
    return least > maxLength ? least : nil
  }

  /// Remedy for an example that is too long and cannot be cut, by which part of it is.
  fileprivate func remedy(_ example: EncodedExample) -> String {
    let answer = example.supervised.dropFirst().count { $0 }, prompt = example.ids.count - answer
    let images = example.images.isEmpty ? "" : " No image can be cut through."
    switch tooLong {
    case .error, .skip:
      return "\(prompt) of them are prompt, \(answer) are answer. "
        + "Choose what to do with such lines: data.tooLong: skip, cutPrompt or cutAnswer."
    case .cutPrompt:
      return "Too much of it is answer, \(answer) tokens: raise data.maxLength, or choose data.tooLong: skip."
        + images
    case .cutAnswer:
      return "Too much of it is prompt, \(prompt) tokens, so that nothing of the answer would be left: choose "
        + "data.tooLong: cutPrompt or skip, or raise data.maxLength." + images
    }
  }

  fileprivate func shorten(_ example: EncodedExample) -> EncodedExample? {
    switch tooLong {
    case .error, .skip: nil
    case .cutPrompt:
      example.cuttingPrompt(to: maxLength, keeping: example.ids.first == encoder.tokenizer.roles.begin ? 1 : 0)
    case .cutAnswer:
      example.supervised.dropFirst().prefix(maxLength - 1).contains(true) ? example.prefix(maxLength) : nil
    }
  }
}

/// A line that could be used.
struct EncodedLine: Sendable {
  var analysis: ExampleAnalysis
  var wasCut: Bool
  /// How the numbers of its answers are written.
  var numbers: NumberSurvey
}
