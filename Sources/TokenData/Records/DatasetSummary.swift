// SPDX-License-Identifier: Apache-2.0
import Files
public import MetricTokens

/// Summary of a data file or a folder of image codes.
public struct DatasetSummary: Sendable {
  /// A line that was left out.
  public struct Skipped: Sendable, Hashable {
    /// Number of the line, from 1.
    public var line: Int
    /// What is wrong with it.
    public var reason: String
  }

  /// Counts of one metric.
  public struct MetricCounts: Sendable, Hashable {
    /// Examples in which it found a token.
    public var examples = 0
    /// Numbers (or tokens that are values by themselves).
    public var numbers = 0
    /// Metric tokens.
    public var tokens = 0
    /// Tokens that hold digits of its numbers but are no candidates.
    public var uncovered = 0
    /// A few of those, as the tokenizer cut them.
    public var uncoveredTexts: [String] = []
    /// Smallest and largest number.
    public var range: ClosedRange<Double>?
  }

  /// The file.
  public let path: String
  /// Lines that are not empty.
  public let lines: Int
  /// See ``JSONLFile/fingerprint()``.
  public let fingerprint: UInt64
  /// Examples that are used.
  public private(set) var examples = 0
  /// Lines that were left out.
  public private(set) var skippedCount = 0
  /// The first hundred of them.
  public private(set) var skipped: [Skipped] = []
  /// Examples that lost tokens because they were too long.
  public private(set) var cut = 0
  /// Tokens in all, and those that are learnt.
  public private(set) var tokens = 0, supervised = 0
  /// Images that examples show.
  public private(set) var images = 0
  /// Tokens of the longest example.
  public private(set) var longest = 0
  /// Tokens of the longest answer.
  public private(set) var longestAnswer = 0
  /// One entry a metric.
  public private(set) var metrics: [MetricCounts]
  /// How the numbers of answers are written, where metrics look for numbers.
  public private(set) var numbers = NumberSurvey()

  /// Examples that a chat template wrote.
  public private(set) var rendered = 0
  /// Examples whose texts hold marks that template or tokenizer write as well: a mark of the template in a message, or
  /// a begin or end token twice in a row; and the first such token.
  public private(set) var doubled = 0, doubledToken: String?
  /// Mismatches of chat template and tokenizer.
  public let templateRemarks: [String]

  private let tokenizer: Tokenizer?
  private let boundaries: Set<Int32>

  /// - Parameter readsMetrics: whether the metrics' tokens are counted.
  init(path: String, lines: Int, fingerprint: UInt64, _ encoder: ExampleEncoder, readsMetrics: Bool = true) {
    self.path = path
    self.lines = lines
    self.fingerprint = fingerprint
    tokenizer = encoder.tokenizer
    boundaries = Set(encoder.ends.ids + [encoder.tokenizer.roles.begin].compactMap { $0 })
    templateRemarks = encoder.template?.remarks(encoder.tokenizer) ?? []
    metrics = readsMetrics ? encoder.metrics.map { _ in MetricCounts() } : []
  }

  /// Of image codes, all of which are learnt and carry every metric.
  ///
  /// - Parameter length: codes of an image.
  init(path: String, images: Int, of all: Int, length: Int, metrics count: Int, fingerprint: UInt64) {
    (self.path, lines, self.fingerprint, tokenizer) = (path, all, fingerprint, nil)
    (boundaries, templateRemarks) = ([], [])
    examples = images
    (tokens, supervised) = (images * (length + 1), images * length)
    (longest, longestAnswer) = (length + 1, length)
    let counts = MetricCounts(examples: images, numbers: supervised, tokens: supervised)
    metrics = Array(repeating: counts, count: count)
  }

  mutating func add(_ line: EncodedLine) {
    let example = line.analysis.example, answer = example.supervised.dropFirst().count { $0 }
    examples += 1
    images += example.images.count
    cut += line.wasCut ? 1 : 0
    tokens += example.ids.count
    supervised += answer
    longest = max(longest, example.ids.count)
    longestAnswer = max(longestAnswer, answer)
    numbers.add(line.numbers)
    rendered += line.analysis.isRendered ? 1 : 0
    let pairs = zip(example.ids, example.ids.dropFirst())
    if let twice = line.analysis.repeatedMark ?? pairs.first(where: { $0 == $1 && boundaries.contains($0) })?.0 {
      doubled += 1
      doubledToken = doubledToken ?? tokenizer?.token(of: twice)
    }
    for (index, found) in line.analysis.found.enumerated() {
      let positions = found.reduce(0) { $0 + $1.positions.count }
      metrics[index].examples += positions > 0 ? 1 : 0
      metrics[index].tokens += positions
      metrics[index].numbers += found.count
      for entry in found {
        if let value = entry.number?.value {
          let range = metrics[index].range ?? value...value
          metrics[index].range = min(range.lowerBound, value)...max(range.upperBound, value)
        }
        metrics[index].uncovered += entry.uncovered.count
        for position in entry.uncovered where metrics[index].uncoveredTexts.count < 8 {
          let text = tokenizer?.text(of: line.analysis.pieces[position].id) ?? "?"
          if !metrics[index].uncoveredTexts.contains(text) { metrics[index].uncoveredTexts.append(text) }
        }
      }
    }
  }

  /// Adds the responses to a prompt. Lengths are those of a prompt with one response.
  mutating func add(_ responses: EncodedExample, wasCut: Bool, isRendered: Bool) {
    examples += 1
    cut += wasCut ? 1 : 0
    rendered += isRendered ? 1 : 0
    tokens += responses.ids.count
    for document in responses.documents {
      let answer = document.dropFirst().count { responses.supervised[$0] }
      supervised += answer
      longest = max(longest, document.count)
      longestAnswer = max(longestAnswer, answer)
    }
  }

  mutating func skip(line: Int, _ error: LineError) {
    skippedCount += 1
    if skipped.count < 100 { skipped.append(Skipped(line: line, reason: error.error.description)) }
  }
}
