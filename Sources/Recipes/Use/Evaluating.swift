public import Evaluation
import Files
import Objectives
import Foundation
public import Reports
public import TokenData
import TokenModels
public import TorchNN

/// Lets a model answer the examples of a file, and judges the answers.
public struct Evaluating {
  /// What was said, example by example.
  public let records: [PredictionRecord]
  /// The figures.
  public let summary: EvaluationSummary
  /// Those shown, in order.
  public let metrics: [EvaluationMetric]

  /// Answers and judges.
  ///
  /// - Parameters:
  ///   - dataset: examples with right answers.
  ///   - progress: told of each answer.
  /// - Throws: `InputError` if nothing can be read out; what generation throws.
  public init(
    _ parts: RunParts, _ model: any TokenModel, _ dataset: Dataset,
    progress: @escaping (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    let settings = parts.settings.evaluate
    let answering = Answering(parts, longestAnswer: dataset.summary.longestAnswer)
    guard parts.rating == nil else {
      throw InputError(
        path: parts.settings.path, place: "key objective.preset", expected: "a model that answers",
        found: "\(parts.settings.objective.preset.rawValue), which trains a head of scores",
        remedy: "Let it rate: dist2 evaluate RUN --pairs FILE, or dist2 score.")
    }
    let items = try (0..<min(settings.limit ?? .max, dataset.count)).map { try answering.item(dataset.record($0)) }
    // Refused before anything is answered, not after.
    let reading = settings.distribution ? try NumberReading(parts, references: items.map(\.reference)) : nil
    var done = 0
    var records = try answering.records(items, model) {
      done += 1
      progress(done, items.count)
    }
    if let reading {
      let scorer = Scorer(model)
      // In pieces, so that progress is seen.
      for start in stride(from: 0, to: items.count, by: 16) {
        let part = items[start..<min(start + 16, items.count)]
        let distributions = try answering.withBudget(model) { budget in
          try scorer.distributions(
            over: reading.space, after: part.map(\.ids), width: settings.width, tokenBudget: max(budget, 8192),
            images: answering.images(Array(part)))
        }
        for (index, distribution) in zip(part.indices, distributions) {
          let truth = items[index].truth
          records[index].belief = PredictionRecord.Belief(
            distribution, cost: .squared, level: 0.9, truth: truth.count == 1 ? truth[0] : nil)
        }
        progress(part.endIndex, items.count)
      }
    }
    self.records = records
    metrics = settings.metrics ?? Self.fitting(records)
    summary = EvaluationSummary(
      records, metrics: metrics, unreadable: settings.unreadableAs.map { .constant($0) } ?? .leftOut)
  }

  /// The figures that say something of answers like these.
  static func fitting(_ records: [PredictionRecord]) -> [EvaluationMetric] {
    let counts = Set(records.map(\.truth.count))
    let belief: [EvaluationMetric] = records.contains { $0.belief != nil } ? [.crps, .coverage] : []
    switch counts {
    case [1]: return [.exactMatch, .parseRate, .mae, .rmse, .relativeError, .r2, .spearman, .digitAccuracy] + belief
    case [4] where records.allSatisfy { BoundingBox($0.truth) != nil }: return [.parseRate, .iou, .boxAccuracy, .mae]
    case [0]: return [.exactMatch]
    default: return [.exactMatch, .parseRate, .mae]
    }
  }

  /// The figures, one a row.
  public func table(_ caption: String) -> Table {
    var table = Table(caption, columns: [Table.Column("metric"), Table.Column("value", alignment: .right)])
    for metric in metrics {
      let value = summary[metric]
      table.add([.text(metric.label), value.map { metric.isShare ? .percent($0) : .number($0) } ?? .missing])
    }
    if summary.unreadable > 0, metrics.contains(where: \.isError) {
      table.notes.append("\(summary.unreadable) of \(summary.count) answers hold no readable number: \(summary.rule)")
    }
    return table
  }

  /// `predictions.jsonl`
  public func write(to path: String) throws { try writeJSONLines(records, to: path) }
}

extension EvaluationMetric {
  /// What tables call it.
  var label: String {
    switch self {
    case .exactMatch: "exact match"
    case .parseRate: "readable"
    case .mae: "MAE"
    case .rmse: "RMSE"
    case .relativeError: "relative error"
    case .r2: "R²"
    case .spearman: "Spearman ρ"
    case .crps: "CRPS"
    case .coverage: "coverage of the 90 % interval"
    case .iou: "IoU"
    case .boxAccuracy: "IoU ≥ 0.5"
    case .digitAccuracy: "digit accuracy"
    }
  }

  /// Whether it is a share of examples.
  var isShare: Bool { [.exactMatch, .parseRate, .coverage, .boxAccuracy, .digitAccuracy].contains(self) }

  /// Whether less is better.
  var lowerIsBetter: Bool { [.mae, .rmse, .relativeError, .crps].contains(self) }
}
