// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens

/// How answers from which no number can be read enter the errors. They are counted in any case.
public enum Unreadable: Sendable, Hashable, Codable, CustomStringConvertible {
  /// They are left out: errors are those of the readable answers alone.
  case leftOut
  /// They count as this number.
  case constant(Double)

  /// Said beside every table: `left out`, `counted as 0.5`.
  public var description: String {
    switch self {
    case .leftOut: "left out"
    case .constant(let value): "counted as \(value)"
    }
  }
}

/// Which number of a record is judged.
public enum JudgedNumber: String, Sendable, Hashable, Codable, CaseIterable {
  /// The one in the text.
  case text
  /// The Bayes decision of the distribution read out.
  case decision
  /// The expected value of the distribution read out.
  case mean
}

/// Figures of a set of predictions.
public struct EvaluationSummary: Sendable, Hashable, Codable {
  /// Number of predictions.
  public var count: Int
  /// How many of them held no readable number.
  public var unreadable: Int
  /// What was done with those.
  public var rule: String
  /// Which number was judged.
  public var judged: JudgedNumber
  /// The figures by ``EvaluationMetric`` name. Missing where there was nothing to measure, or more than a double holds.
  public var figures: [String: Double]
  /// Ends of the figures' 95 % intervals over examples, likewise by name.
  public var intervals: [String: [Double]] = [:]
  /// The same figures of who always says one number, by that number's name: `median`, `mean` of the training answers.
  public var floors: [String: [String: Double]] = [:]
  /// Remarks on reading them.
  public var notes: [String]

  /// Computes figures.
  ///
  /// - Parameters:
  ///   - metrics: which.
  ///   - unreadable: how answers without a number enter the errors.
  ///   - grammar: reads the digits for `digitAccuracy`.
  ///   - range: where training answers lie, for `clippedMAE`.
  public init(
    _ records: [PredictionRecord], metrics: [EvaluationMetric], unreadable rule: Unreadable = .leftOut,
    judged: JudgedNumber = .text, grammar: NumberGrammar = NumberGrammar(), range: ClosedRange<Double>? = nil,
    notes: [String] = []
  ) {
    let evaluator = RecordEvaluator(records: records, rule: rule, judged: judged, grammar: grammar, range: range)
    self.notes = notes
    count = records.count
    unreadable = records.count { evaluator.values(of: $0) == nil }
    self.rule = rule.description
    self.judged = judged
    figures = metrics.reduce(into: [:]) { figures, metric in
      let figure = evaluator.figure(metric)
      if figure.isFinite { figures[metric.rawValue] = figure }
    }
  }

  /// One of the figures.
  public subscript(metric: EvaluationMetric) -> Double? { figures[metric.rawValue] }
}

extension EvaluationSummary {
  /// What each record has of a figure that is Σ sum / Σ weight over records; a record without a part has weight 0. Nil
  /// for figures that are not.
  public static func sums(
    of records: [PredictionRecord], _ metric: EvaluationMetric, unreadable rule: Unreadable = .leftOut,
    judged: JudgedNumber = .text, grammar: NumberGrammar = NumberGrammar(), range: ClosedRange<Double>? = nil
  ) -> [(sum: Double, weight: Double)]? {
    guard ![.medianError, .rmse, .relativeError, .r2, .spearman].contains(metric) else { return nil }
    return records.map { record in
      let evaluator = RecordEvaluator(records: [record], rule: rule, judged: judged, grammar: grammar, range: range)
      if metric == .digitAccuracy {
        let places = evaluator.places()
        return (places.reduce(0) { $0 + $1.share * Double($1.count) }, Double(places.reduce(0) { $0 + $1.count }))
      }
      let figure = evaluator.figure(metric)
      guard !figure.isNaN else { return (0, 0) }
      let isOfNumbers = metric == .mae || metric == .clippedMAE
      let weight = isOfNumbers ? Double(record.truth.count) : metric.isOfBeliefs ? Double(record.beliefs.count) : 1
      return (figure * weight, weight)
    }
  }
}

private struct RecordEvaluator {
  let records: [PredictionRecord]
  let rule: Unreadable
  let judged: JudgedNumber
  let grammar: NumberGrammar
  let range: ClosedRange<Double>?

  /// The numbers of a record that are judged; nil if there are none, or not as many as there should be.
  func values(of record: PredictionRecord) -> [Double]? {
    let values =
      switch judged {
      case .text: record.values
      case .decision: record.beliefs.isEmpty ? nil : record.beliefs.map(\.decision)
      case .mean: record.beliefs.isEmpty ? nil : record.beliefs.map(\.mean)
      }
    return values?.count == record.truth.count ? values : nil
  }

  func figure(_ metric: EvaluationMetric) -> Double {
    switch metric {
    case .exactMatch: share { trimmed($0.text) == trimmed($0.reference) }
    case .parseRate: share { values(of: $0) != nil }
    case .mae: error(NumberMetrics.meanAbsoluteError)
    case .medianError: error(NumberMetrics.medianError)
    case .clippedMAE:
      range.map { range in error { NumberMetrics.meanAbsoluteError($0.map(range.nearest), $1) } } ?? .nan
    case .rmse: error(NumberMetrics.rootMeanSquaredError)
    case .relativeError: error(NumberMetrics.meanRelativeError)
    case .r2: error(NumberMetrics.r2)
    case .spearman: error(NumberMetrics.spearman)
    case .readOutMAE: NumberMetrics.mean(ofBeliefs { $0.error($1.truth) })
    case .nll: NumberMetrics.mean(records.compactMap(\.negativeLogLikelihood))
    case .crps: NumberMetrics.mean(ofBeliefs { belief, _ in belief.crps })
    case .coverage: NumberMetrics.mean(ofBeliefs { $0.isCovered($1.truth) })
    case .mass: NumberMetrics.mean(ofBeliefs { belief, _ in belief.mass })
    case .iou: ofBoxes { boxes($0).map { $0.intersectionOverUnion($1) } ?? 0 }
    case .boxAccuracy: ofBoxes { boxes($0).map { $0.isFound(by: $1) ? 1 : 0 } ?? 0 }
    case .digitAccuracy: digits()
    }
  }

  private func share(_ isGood: (PredictionRecord) -> Bool) -> Double {
    NumberMetrics.mean(records.map { isGood($0) ? 1 : 0 })
  }

  /// A mean over answers that should be boxes; NaN where none should.
  private func ofBoxes(_ figure: (PredictionRecord) -> Double) -> Double {
    records.contains { BoundingBox($0.truth) != nil } ? NumberMetrics.mean(records.map(figure)) : .nan
  }

  private func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

  /// All numbers of all records beside the true ones.
  private func error(_ figure: ([Double], [Double]) -> Double) -> Double {
    var predictions = [Double](), truths = [Double]()
    for record in records {
      if let values = values(of: record) {
        predictions += values
      } else if case .constant(let value) = rule {
        predictions += record.truth.map { _ in value }
      } else {
        continue
      }
      truths += record.truth
    }
    return figure(predictions, truths)
  }

  /// A figure of every number that was read out.
  private func ofBeliefs(_ figure: (PredictionRecord.Belief, PredictionRecord) -> Double?) -> [Double] {
    records.flatMap { record in record.beliefs.compactMap { figure($0, record) } }
  }

  private func boxes(_ record: PredictionRecord) -> (BoundingBox, BoundingBox)? {
    guard let truth = BoundingBox(record.truth), let box = values(of: record).flatMap(BoundingBox.init) else {
      return nil
    }
    return (truth, box)
  }

  private func digits() -> Double {
    let places = places()
    return places.reduce(0) { $0 + $1.share * Double($1.count) } / Double(places.reduce(0) { $0 + $1.count })
  }

  func places() -> [DigitAccuracy] {
    let pairs = records.flatMap { record in
      let truths = grammar.numbers(in: record.reference), found = grammar.numbers(in: record.text)
      return truths.enumerated().map { (found.count > $0.offset ? found[$0.offset] : nil, $0.element) }
    }
    return DigitAccuracy.byPlace(pairs.map(\.0), pairs.map(\.1))
  }
}

extension ClosedRange<Double> {
  /// The value, or the end that is nearest to it.
  fileprivate func nearest(_ value: Double) -> Double { Swift.min(Swift.max(value, lowerBound), upperBound) }
}
