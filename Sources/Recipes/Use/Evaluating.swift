// SPDX-License-Identifier: Apache-2.0
public import Evaluation
import Files
import Objectives
import Foundation
import MetricTokens
public import Reports
public import TokenData
import TokenModels
public import Torch
public import TorchNN

/// Lets a model answer the examples of a file, and evaluates the answers.
public struct Evaluating {
  /// Answers, example by example.
  public let records: [PredictionRecord]
  /// The figures.
  public let summary: EvaluationSummary
  /// Those shown, in order.
  public let metrics: [EvaluationMetric]
  /// Remarks on reading them: of the read-out, of how the answers' numbers are written, and of those beyond what
  /// training showed.
  public let notes: [String]

  /// Answers and evaluates.
  ///
  /// - Parameters:
  ///   - dataset: examples with right answers.
  ///   - run: the run whose model it is, which knows how its training answers write numbers.
  ///   - group: processes that share the examples; nil for one alone.
  ///   - progress: told of each answer of this process.
  /// - Throws: `InputError` if nothing can be read out; what generation throws.
  public init(
    _ artifacts: RunArtifacts, _ model: any TokenModel, _ dataset: Dataset, run: RunFolder? = nil,
    sharedBy group: ProcessGroup? = nil, progress: @escaping (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    let settings = artifacts.settings.evaluate
    let answering = Answering(artifacts, longestAnswer: dataset.summary.longestAnswer)
    guard artifacts.rating == nil else {
      throw InputError(
        path: artifacts.settings.path, place: "key objective.preset", expected: "a model that answers",
        found: "\(artifacts.settings.objective.preset.rawValue), which trains a head of scores",
        remedy: "Let it rate: dist2 evaluate RUN --pairs FILE, or dist2 score.")
    }
    let items = try (0..<min(settings.limit ?? .max, dataset.count)).map { try answering.item(dataset.record($0)) }
    // What cannot be read out is said before anything is answered.
    let reading = try Self.reading(artifacts, run, items)
    let examples = items.enumerated().map { Example(index: $0, item: $1) }
    records = try group.sharing(examples) { examples in
      var done = 0
      var records = try answering.records(examples.map(\.item), model) {
        done += 1
        progress(done, examples.count)
      }
      if case .read(let reading) = reading {
        try Self.readOut(reading, answering, model, examples, dataset, &records, progress)
        try Self.addLikelihoods(answering, model, dataset, examples, &records)
      }
      return records
    }
    metrics = settings.metrics ?? Self.fitting(records)
    let training = TrainingAnswers(artifacts)
    let remarks =
      reading.remarks(records, artifacts.tokenizer) + [Self.remark(records, artifacts.settings)].compactMap { $0 }
      + answerRemarks(records, artifacts, training)
    let unreadable = settings.unreadableAs.map { Unreadable.constant($0) } ?? .leftOut
    let grammar = artifacts.settings.numberGrammar ?? NumberGrammar()
    var summary = EvaluationSummary(
      records, metrics: metrics, unreadable: unreadable, grammar: grammar, range: reading.range)
    summary.judge(
      metrics,
      EvaluationFloors(records: records, unreadable: unreadable, grammar: grammar, range: reading.range), training)
    notes = remarks + summary.missing(metrics, records)
    summary.notes = notes
    self.summary = summary
  }

  /// One of the file's.
  private struct Example {
    var index: Int
    var item: EvaluationItem
  }

  /// What is read out: asked for, or where it can be.
  private static func reading(_ artifacts: RunArtifacts, _ run: RunFolder?, _ items: [EvaluationItem]) throws
    -> ReadingChoice
  {
    switch artifacts.settings.evaluate.distribution {
    case false: return .none
    case true:
      guard items.contains(where: { !$0.truth.isEmpty }) else {
        throw InputError(
          path: items.first?.source ?? artifacts.settings.path, place: "key evaluate.distribution",
          expected: "right answers with a number of the run's metrics", found: "none in \(items.count) examples",
          remedy: "Without numbers there is no distribution to judge: evaluate.distribution: false.")
      }
      return .read(try NumberReading(artifacts, run: run))
    case nil:
      guard !items.isEmpty, items.allSatisfy({ $0.truth.count == 1 }),
        artifacts.readingEncoder.metrics.contains(where: { $0.finder.space.writesNumbers })
      else { return .none }
      do { return .read(try NumberReading(artifacts, run: run)) } catch let error as InputError {
        return .impossible(error)
      }
    }
  }

  private static func readOut(
    _ reading: NumberReading, _ answering: Answering, _ model: any TokenModel, _ examples: [Example],
    _ dataset: Dataset, _ records: inout [PredictionRecord], _ progress: (Int, Int) -> Void
  ) throws {
    let scorer = Scorer(model)
    // In pieces, so that progress is seen.
    for start in stride(from: 0, to: examples.count, by: 16) {
      let part = examples[start..<min(start + 16, examples.count)]
      let texts = records.map(\.text)
      let distributions = try naming(part.map(\.item.source)) {
        try answering.withBudget(model) { budget in
          try reading.distributions(
            scorer, of: part.map(\.item),
            along: { try dataset.record(examples[start + $0].index).answering(texts[start + $0]) },
            budget: budget, images: answering.images)
        }
      }
      for (place, distributions) in zip(part.indices, distributions) {
        records[place].beliefs = zip(reading.numbers, distributions).compactMap { number, distribution in
          distribution.map { number.belief($0, reference: examples[place].item.reference) }
        }
      }
      progress(part.endIndex, examples.count)
    }
  }

  private static func addLikelihoods(
    _ answering: Answering, _ model: any TokenModel, _ dataset: Dataset, _ examples: [Example],
    _ records: inout [PredictionRecord]
  ) throws {
    for start in stride(from: 0, to: examples.count, by: 64) {
      let part = start..<min(start + 64, examples.count)
      let encoded = try examples[part].map { answering.fitted(try answering.encoder.encode(dataset.record($0.index))) }
      let logs = try answering.logLikelihoods(of: encoded, model, sources: examples[part].map(\.item.source))
      for (index, logs) in zip(part, logs) { records[index].negativeLogLikelihood = -logs.reduce(0, +) }
    }
  }

  /// Said where right answers should hold numbers and none can be read of them.
  private static func remark(_ records: [PredictionRecord], _ settings: RunSettings) -> String? {
    guard !settings.metrics.isEmpty, !records.isEmpty else { return nil }
    let without = records.count { $0.truth.isEmpty }
    guard without > 0, settings.metrics.contains(where: \.tokens.areNumbers) else { return nil }
    return
      "No number of the run's metrics can be read of \(without) of \(records.count) right answers: they have no part "
      + "in the errors."
  }

  /// The figures that say something of answers like these.
  package static func fitting(_ records: [PredictionRecord]) -> [EvaluationMetric] {
    let counts = Set(records.map(\.truth.count))
    let belief: [EvaluationMetric] =
      records.contains { !$0.beliefs.isEmpty } ? [.readOutMAE, .crps, .nll, .coverage, .mass] : []
    switch counts {
    case [1]:
      let errors: [EvaluationMetric] = [
        .exactMatch, .parseRate, .mae, .medianError, .rmse, .relativeError, .r2, .spearman,
      ]
      // Bins have values and no digits.
      let hasDigits = records.contains { !NumberGrammar().numbers(in: $0.reference).isEmpty }
      return errors + (hasDigits ? [.digitAccuracy] : []) + belief
    case [4] where records.allSatisfy { BoundingBox($0.truth) != nil }:
      return [.parseRate, .iou, .boxAccuracy, .mae] + belief
    case [0]: return [.exactMatch]
    default: return [.exactMatch, .parseRate, .mae, .medianError] + belief
    }
  }

  /// The figures, one a row.
  public func table(_ caption: String) -> Table {
    let floors = ["median", "mean"].filter { summary.floors[$0] != nil }
    let titles = ["value", "95 % interval"] + floors.map { "always \($0)" }
    var table = Table(caption, columns: [Table.Column("metric")] + titles.map { Table.Column($0, alignment: .right) })
    func text(_ metric: EvaluationMetric, _ value: Double) -> String {
      (metric.isShare ? Quantity.percent(value) : Quantity.number(value)).description
    }
    for metric in metrics {
      let ends = summary.intervals[metric.rawValue]
      var cells = [Table.Cell.text(metric.label)]
      cells.append(summary[metric].map { metric.isShare ? .percent($0) : .significant($0) } ?? .missing)
      cells.append(ends.map { .text("\(text(metric, $0[0])) … \(text(metric, $0[1]))") } ?? .missing)
      for name in floors { cells.append(summary.floors[name]?[metric.rawValue].map { .significant($0) } ?? .missing) }
      table.add(cells)
    }
    if !floors.isEmpty {
      table.notes.append("always median, always mean: the figures of who always says that of the training answers.")
    }
    if summary.unreadable > 0, metrics.contains(where: \.isError) {
      table.notes.append("\(summary.unreadable) of \(summary.count) answers hold no readable number: \(summary.rule)")
    }
    table.notes += notes
    return table
  }

  /// The figures of each number of an answer, one a row; nil where answers have one at most.
  public var numbersTable: Table? {
    let names = Set(records.flatMap { $0.beliefs.map { NumberName(metric: $0.metric, place: $0.place) } }).sorted()
    guard names.count > 1 else { return nil }
    var table = Table(
      "Each number of the answers",
      columns: [Table.Column("number")]
        + ["read", "MAE of read-out", "CRPS", "coverage", "mass"].map { Table.Column($0, alignment: .right) })
    for name in names {
      let artifacts = records.map { record in
        var part = record
        part.beliefs = record.beliefs.filter { $0.metric == name.metric && $0.place == name.place }
        return part
      }
      let figures = EvaluationSummary(artifacts, metrics: [.readOutMAE, .crps, .coverage, .mass])
      func cell(_ metric: EvaluationMetric) -> Table.Cell {
        figures[metric].map { metric.isShare ? .percent($0) : .significant($0) } ?? .missing
      }
      table.add(
        [.text("\(name.metric) \(name.place + 1)"), .count(artifacts.count { !$0.beliefs.isEmpty })]
          + [.readOutMAE, .crps, .coverage, .mass].map(cell))
    }
    return table
  }

  /// `predictions.jsonl`
  public func write(to path: String) throws { try writeJSONLines(records, to: path) }
}

extension EvaluationMetric {
  /// Name in tables.
  package var label: String {
    switch self {
    case .exactMatch: "exact match"
    case .parseRate: "readable"
    case .mae: "MAE"
    case .medianError: "median error"
    case .clippedMAE: "MAE within range"
    case .rmse: "RMSE"
    case .relativeError: "relative error"
    case .r2: "R²"
    case .spearman: "Spearman ρ"
    case .readOutMAE: "MAE of read-out"
    case .nll: "NLL"
    case .crps: "CRPS"
    case .coverage: "coverage of the 90 % interval"
    case .mass: "mass read out"
    case .iou: "IoU"
    case .boxAccuracy: "IoU ≥ 0.5"
    case .digitAccuracy: "digit accuracy"
    }
  }

  /// Whether it is a share of examples.
  package var isShare: Bool {
    [.exactMatch, .parseRate, .coverage, .mass, .boxAccuracy, .digitAccuracy].contains(self)
  }

  /// Whether less is better.
  package var lowerIsBetter: Bool {
    [.mae, .medianError, .clippedMAE, .rmse, .relativeError, .readOutMAE, .nll, .crps].contains(self)
  }
}

/// Whether distributions are read out.
private enum ReadingChoice {
  case none
  case read(NumberReading)
  /// They could be useful, but cannot be read.
  case impossible(InputError)

  /// Where training answers lie, if that is known.
  var range: ClosedRange<Double>? {
    guard case .read(let reading) = self else { return nil }
    return reading.numbers[0].format.range.map { $0[0]...$0[1] }
  }

  /// What must be said of distributions.
  func remarks(_ records: [PredictionRecord], _ tokenizer: Tokenizer) -> [String] {
    switch self {
    case .none: []
    case .read(let reading): reading.remarks(records, tokenizer)
    case .impossible(let error): ["No distribution is read out. \(error)"]
    }
  }
}

/// Which number of an answer, for rows of a table.
private struct NumberName: Hashable, Comparable {
  var metric: String
  var place: Int

  static func < (a: NumberName, b: NumberName) -> Bool { (a.metric, a.place) < (b.metric, b.place) }
}
