// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
import TokenData
import Training

/// Inspection of a run's responses, token by token, before training: where the prompt ends, what is learnt, what was said
/// of each response.
public struct ResponseInspection {
  private let artifacts: ResponseArtifacts
  private let splits: [(name: String, dataset: ResponseDataset)]
  private let shown: [Int]
  private let memory: TrainingMemory

  /// Looks at the run's files; examples are those of the first.
  ///
  /// - Parameters:
  ///   - count: how many examples are shown.
  ///   - line: only those of this line.
  /// - Throws: `InputError` for data that cannot be used.
  public init(
    _ artifacts: ResponseArtifacts, count: Int = 3, line: Int? = nil, terminal: Terminal = .standardError
  ) throws {
    let data = artifacts.settings.data
    self.artifacts = artifacts
    memory = try artifacts.settings.trainingMemory(artifacts.modelFolder)
    splits = try [("train", data.train), ("valid", data.valid), ("test", data.test)].compactMap { name, source in
      try source.map { source in
        let limit = name == "train" ? data.limit : nil
        return try ProgressBar.quick("reading \(name)", unit: "line", terminal: terminal) { progress in
          (name, try artifacts.responses(source, limit: limit, progress: progress))
        }
      }
    }
    guard let first = splits.first?.dataset else {
      throw InputError(
        path: artifacts.settings.path, place: "key data.train", expected: "a file of responses", found: "no such key",
        remedy: "Add `data: { train: pairs.jsonl }`.")
    }
    let found = (0..<first.count).filter { line == nil || first.lineNumber($0) == line }
    if let line, found.isEmpty {
      throw InputError(
        path: first.file.path, place: "line \(line)", expected: "responses", found: "none, or a line left out")
    }
    shown = Array(found.prefix(line == nil ? count : found.count))
  }

  // MARK: Text

  /// For a terminal: the prompt once, each response with its tokens, what was counted, what is to be known.
  public func text(_ terminal: Terminal) -> String {
    var parts = shown.map { text($0, terminal) }
    parts.append(
      terminal.styled("read", .dim) + "  " + terminal.styled("|learnt", .green)
        + "  ║ where the prompt ends, the same tokens before each response")
    parts.append(table.text(terminal: terminal))
    parts += notes.map { terminal.prose($0) }
    parts += warnings.map { terminal.styled("! ", .yellow, .bold) + terminal.prose($0, indent: 2) }
    if warnings.isEmpty { parts.append(terminal.styled("No warnings.", .green)) }
    return parts.asBlocks
  }

  private func text(_ index: Int, _ terminal: Terminal) -> String {
    let example = splits[0].dataset.examples[index]
    let prompt = tokens(example.sharedPrompt).map { terminal.styled($0, .dim) }.joined()
    let heading = terminal.styled(example.source, .bold)
    return
      ([heading, prompt + " ║"]
      + responses(of: example).map { name, pieces in
        let count = pieces.count { $0.isLearnt }
        return terminal.styled("\(name), \(count) tokens: ", .bold)
          + pieces.map { $0.isLearnt ? terminal.styled("|\($0.text)", .green) : terminal.styled($0.text, .dim) }
          .joined()
      }).joined(separator: "\n")
  }

  private func tokens(_ ids: some Sequence<Int32>) -> [String] {
    let tokenizer = artifacts.base.tokenizer
    return ids.map { (tokenizer.text(of: $0) ?? tokenizer.token(of: $0) ?? "?").replacing("\n", with: "⏎\n") }
  }

  /// Each response without the prompt, and what was said of it.
  private func responses(of example: EncodedExample) -> [(name: String, pieces: [(text: String, isLearnt: Bool)])] {
    let prompt = example.sharedPrompt.count
    return example.documents.enumerated().map { index, place in
      let own = place.dropFirst(prompt)
      let pieces = zip(tokens(own.map { example.ids[$0] }), own).map { (text: $0, isLearnt: example.supervised[$1]) }
      return (example.responses?.worth.name(of: index) ?? "answer", pieces)
    }
  }

  // MARK: Page

  /// The same as a page.
  ///
  /// - Parameter command: what the user typed.
  public func page(command: String) -> HTMLReport {
    var page = HTMLReport(
      "Inspection of the responses",
      subtitle: "\(artifacts.settings.path), objective \(artifacts.settings.objective.choice.rawValue)",
      footer: "Made by dist2.")
    for warning in warnings { page.warning(warning) }
    page.section("Examples")
    page.tokenLegend([("read", .read), ("learnt", .learnt)])
    for index in shown {
      let example = splits[0].dataset.examples[index]
      page.tokens("\(example.source), prompt", tokens(example.sharedPrompt).map { ($0, .read) })
      for (name, pieces) in responses(of: example) {
        page.tokens(name, pieces.map { ($0.text, $0.isLearnt ? .learnt : .read) })
      }
    }
    page.section("Data")
    page.table(table)
    for note in notes { page.paragraph(note) }
    page.section("Settings")
    page.code(command, caption: "The command")
    page.code(artifacts.settings.resolved.yaml, caption: "The run file as resolved")
    return page
  }

  // MARK: Counts

  /// Content of the files.
  private var table: Table {
    var table = Table(
      columns: [Table.Column("file")]
        + ["examples", "responses", "tokens", "learnt", "longest", "better", "others"].map {
          Table.Column($0, alignment: .right)
        })
    for (name, dataset) in splits {
      let summary = dataset.summary, lengths = ResponseLengths(dataset.examples)
      table.add([
        .text(name),
        .count(summary.examples), .count(dataset.examples.reduce(0) { $0 + $1.documents.count }),
        .count(summary.tokens), .count(summary.supervised), .count(summary.longest),
        lengths.better.map { .number($0, decimals: 1) } ?? .missing,
        lengths.others.map { .number($0, decimals: 1) } ?? .missing,
      ])
    }
    table.notes.append("better, others: learnt tokens on average of the best (or a wanted) response and of the others.")
    return table
  }

  private var notes: [String] {
    let folder = RunFolder(artifacts.settings.output)
    return (artifacts.mode.map { ["Reference model: \(artifacts.description(of: $0, folder))."] } ?? [])
      + [memory.note(artifacts.settings.train)]
  }

  /// What usually goes wrong.
  public var warnings: [String] {
    splits.flatMap { $0.dataset.summary.remarks(artifacts.settings) } + artifacts.remarks
      + splits.prefix(1).compactMap { ResponseLengths($0.dataset.examples).remark(artifacts.sequence) }
  }
}

/// Lengths of responses.
struct ResponseLengths {
  /// Mean of the best response of each prompt, or of the wanted ones; nil if there are none.
  var better: Double?
  /// Mean of the others.
  var others: Double?
  /// Share of pairs whose better response is the longer one; nil without pairs. Equal lengths count half.
  var longerWins: Double?

  init(_ examples: [EncodedExample]) {
    var sums = (better: 0.0, others: 0.0), counts = (better: 0.0, others: 0.0), wins = 0.0, pairs = 0.0
    for example in examples {
      guard let worth = example.responses?.worth else { continue }
      let lengths = example.documents.map { Double($0.dropFirst().count { example.supervised[$0] }) }
      for (index, length) in lengths.enumerated() {
        if worth.isGood(index) {
          sums.better += length
          counts.better += 1
        } else {
          sums.others += length
          counts.others += 1
        }
      }
      for (left, right) in worth.orderedPairs {
        wins += lengths[left] > lengths[right] ? 1 : lengths[left] == lengths[right] ? 0.5 : 0
        pairs += 1
      }
    }
    better = counts.better > 0 ? sums.better / counts.better : nil
    others = counts.others > 0 ? sums.others / counts.others : nil
    longerWins = pairs > 0 ? wins / pairs : nil
  }

  /// Said where length alone tells the better response most of the time.
  func remark(_ objective: SequenceObjective?) -> String? {
    guard let objective, let longerWins, longerWins > 0.65, objective.reward.length == .sum else { return nil }
    return "The better response is the longer one in \(Quantity.percent(longerWins)) of the pairs, so length alone is "
      + "rewarded. dist2 evaluate shows the accuracy on pairs whose better response is the shorter one; presets simpo and "
      + "ipo read means over tokens."
  }
}

extension Worth {
  /// Pairs of unequal responses, the better one first.
  var orderedPairs: [(better: Int, worse: Int)] {
    switch self {
    case .preference(let probability): probability == 0.5 ? [] : probability > 0.5 ? [(0, 1)] : [(1, 0)]
    case .label: []
    case .scores(let scores):
      scores.indices.flatMap { left in
        scores.indices.filter { scores[left] > scores[$0] }.map { (better: left, worse: $0) }
      }
    }
  }

  /// Whether a response is the best of several, or is wanted.
  func isGood(_ index: Int) -> Bool {
    if case .label(let isWanted) = self { return isWanted }
    return index == bestIndex
  }

  /// What was said of a response, in words.
  func name(of index: Int) -> String {
    switch self {
    case .preference(let probability):
      probability == 1
        ? index == 0 ? "chosen" : "rejected"
        : "better with probability \(Quantity.number(index == 0 ? probability : 1 - probability))"
    case .scores(let scores): "score \(Quantity.number(scores[index]))"
    case .label(let isWanted): isWanted ? "wanted" : "unwanted"
    }
  }
}

extension ResponseArtifacts {
  /// What a user should know of the settings.
  package var remarks: [String] {
    let train = settings.train, limit = train.lora == nil ? 1e-5 : 2e-4
    guard sequence != nil, sequence?.needsReference == true, train.learningRate > limit else { return [] }
    return [
      "train.learningRate \(Quantity.number(train.learningRate)) is high for objectives over responses: 1e-6 is usual, with "
        + "adapters 1e-5."
    ]
  }
}
