// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Reports
import TokenData

/// What usually goes wrong with data, looked for in all splits of a run: examples in two splits, answers that are all the
/// same, numbers of many lengths, numbers that the format does not write, answers without an end, what a template rounds.
struct DataDoctor {
  /// A split.
  struct Split {
    var name: String
    var summary: DatasetSummary
    /// What was read of its examples.
    fileprivate var seen: Seen
  }

  /// In the order training, validation, test, as far as there are.
  let splits: [Split]
  /// Findings, a sentence each.
  let remarks: [String]

  /// Reads the splits.
  ///
  /// - Parameter first: one that was read already.
  /// - Throws: `InputError` for data that cannot be used.
  init(_ artifacts: RunArtifacts, first: Dataset, terminal: Terminal) throws {
    let data = artifacts.settings.data, names = ["train", "valid", "test"]
    var splits = [Split](), remarks = [String]()
    for (name, source) in zip(names, [data.train, data.valid, data.test]) {
      guard let source else { continue }
      let isFirst = source.path == first.file.path
      let dataset =
        try isFirst
        ? first
        : ProgressBar.quick("reading \(name)", unit: "line", terminal: terminal) { progress in
          try artifacts.dataset(source, progress: progress)
        }
      splits.append(Split(name: name, summary: dataset.summary, seen: try Seen(dataset, artifacts)))
      // Those of the first are said with its examples.
      if !isFirst {
        remarks += dataset.summary.remarks(artifacts.settings)
        do { remarks += try artifacts.coverageRemarks(dataset, path: source.path) } catch let error as InputError {
          remarks.append("\(name): \(error.description)")
        }
      }
    }
    remarks += Self.overlaps(splits)
    for split in splits { remarks += split.findings(artifacts.settings) }
    if let remark = Self.noEnd(artifacts) { remarks.append(remark) }
    if let source = data.train, let columns = data.columns { remarks += try Self.rounding(source, columns) }
    self.splits = splits
    self.remarks = remarks
  }

  private static func overlaps(_ splits: [Split]) -> [String] {
    var remarks = [String]()
    for (index, split) in splits.enumerated() {
      for earlier in splits[..<index] {
        let same = split.seen.examples.count { earlier.seen.counts[$0.whole] != nil }
        let asked = split.seen.examples.count { earlier.seen.prompts.contains($0.prompt) } - same
        if same > 0 {
          remarks.append(
            "\(same) of \(split.seen.examples.count) examples of \(split.name) are in \(earlier.name) as well: what is "
              + "measured on them is memory. Leave them out of one")
        }
        if asked > 0 {
          remarks.append(
            "\(asked) of \(split.seen.examples.count) prompts of \(split.name) are in \(earlier.name) with another answer"
          )
        }
      }
    }
    return remarks
  }

  private static func noEnd(_ artifacts: RunArtifacts) -> String? {
    guard artifacts.rating == nil, artifacts.encoder.template == nil, artifacts.encoder.end == nil else { return nil }
    return artifacts.settings.data.end
      ? "the tokenizer names no end token, so nothing teaches where an answer ends: add eos_token to tokenizer_config.json"
      : "data.end is false and no template ends answers: nothing teaches where an answer ends"
  }

  /// What the template's rounding takes from the training answers.
  private static func rounding(_ source: DataSource, _ columns: ColumnTemplate) throws -> [String] {
    let files = try DataFiles(source)
    return columns.answerForms.compactMap { name, form in
      guard let decimals = form.decimals else { return nil }
      var survey = ColumnSurvey(name), moved = 0, sum = 0.0, most = 0.0
      for index in stride(from: 0, to: files.count, by: max(1, files.count / 20_000)) {
        guard let cell = try? files.read(index, { object throws(InputError) in try object.at(name).text() }),
          let number = DecimalNumber(cell)
        else { continue }
        survey.add(cell, place: "")
        let loss = abs(number.rounded(decimals).value - number.value)
        moved += loss > 0 ? 1 : 0
        sum += loss
        most = max(most, loss)
      }
      guard moved > 0, survey.deviation > 0 else { return nil }
      let mean = sum / Double(survey.numbers)
      return
        "rounding {\(name):\(form.text)} moves \(moved) of \(survey.numbers) answers, by \(Quantity.number(mean)) on average "
        + "and \(Quantity.number(most)) at most (\(Quantity.percent(mean / survey.deviation)) of the standard deviation): no "
        + "model can be nearer"
    }
  }
}

extension DataDoctor.Split {
  fileprivate func findings(_ settings: RunSettings) -> [String] {
    var remarks = [String]()
    let count = seen.examples.count
    if let (key, often) = seen.counts.answers.max(by: { $0.value < $1.value }), often > 1, often * 2 >= count {
      remarks.append(
        often == count
          ? "\(name): all \(count) answers are \"\(seen.texts[key] ?? "")\": nothing can be learnt from them"
          : "\(name): \(often) of \(count) answers are \"\(seen.texts[key] ?? "")\"")
    }
    let repeated = count - seen.counts.wholes
    if repeated > 0 { remarks.append("\(name): \(repeated) of \(count) examples occur a second time") }
    // A width counts the sign: of numbers with signs, zeros in front make two ways to write digits.
    if name == "train", let lengths = seen.lengths, lengths.lowerBound < lengths.upperBound, !seen.isPadded,
      !seen.isSigned
    {
      remarks.append(
        "numbers have \(lengths.lowerBound) to \(lengths.upperBound) digits before the point: with zeros in front "
          + "(\(String(repeating: "0", count: lengths.upperBound - 1))7, or {name:0\(lengths.upperBound)} in data.template) digits of "
          + "one place stand side by side, which took one run's error from 3,196 to 1,744")
    }
    return remarks
  }

  /// Tokens of a number on average, by metric; nil where there is none.
  func tokensPerNumber(_ metric: Int) -> Double? {
    let counts = summary.metrics[metric]
    return counts.numbers > 0 ? Double(counts.tokens) / Double(counts.numbers) : nil
  }
}

/// Examples of a split, as far as they say something of the others.
private struct Seen {
  struct Example {
    var prompt: RowKey, whole: RowKey
  }
  /// How often each occurs.
  struct Counts {
    var all: [RowKey: Int] = [:]
    var answers: [RowKey: Int] = [:]
    var wholes: Int { all.count }
    subscript(key: RowKey) -> Int? { all[key] }
  }
  private(set) var examples: [Example] = []
  private(set) var counts = Counts()
  private(set) var prompts: Set<RowKey> = []
  /// Some answers by their keys.
  private(set) var texts: [RowKey: String] = [:]
  /// Digits before the point of the answers' numbers; nil without numbers.
  private(set) var lengths: ClosedRange<Int>?
  /// Whether some numbers have a sign.
  private(set) var isSigned = false
  /// Whether numbers have zeros in front.
  private(set) var isPadded = false

  init(_ dataset: Dataset, _ artifacts: RunArtifacts) throws {
    let grammar = artifacts.settings.numberGrammar, regions = artifacts.settings.metrics.map(\.region)
    for index in 0..<dataset.count {
      let record = try dataset.record(index), (prompt, answer) = record.promptAndReference
      let key = RowKey([answer])
      let example = Example(prompt: RowKey([prompt]), whole: RowKey([prompt, answer]))
      examples.append(example)
      prompts.insert(example.prompt)
      counts.all[example.whole, default: 0] += 1
      counts.answers[key, default: 0] += 1
      if texts.count < 1000, texts[key] == nil { texts[key] = String(answer.prefix(40)) }
      guard let grammar else { continue }
      for number in record.numberTexts(regions).flatMap({ grammar.numbers(in: $0) }) {
        let text = number.plainText, whole = text.drop { $0 == "-" }.prefix { $0 != "." }
        isSigned = isSigned || text.hasPrefix("-")
        isPadded = isPadded || whole.count > 1 && whole.first == "0"
        lengths = min(lengths?.lowerBound ?? whole.count, whole.count)...max(lengths?.upperBound ?? 0, whole.count)
      }
    }
  }
}
