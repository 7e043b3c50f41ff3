// SPDX-License-Identifier: Apache-2.0
package import Evaluation
import Foundation
import MetricTokens
import Reports

/// How sure figures are, and what they have to be better than.
package struct EvaluationFloors {
  let records: [PredictionRecord]
  let unreadable: Unreadable
  let grammar: NumberGrammar
  let range: ClosedRange<Double>?

  /// Resamples of an interval, and examples beyond which only means have one.
  private static let resamples = 1000, most = 5000

  /// The figure of who always says one number: errors, and CRPS, which is then the absolute error. Nil for figures that
  /// need more than a number, or answers of other than one.
  package static func figure(
    _ metric: EvaluationMetric, saying constant: Double, of records: [PredictionRecord],
    range: ClosedRange<Double>? = nil
  ) -> Double? {
    guard [.mae, .medianError, .clippedMAE, .rmse, .relativeError, .readOutMAE, .crps].contains(metric),
      records.allSatisfy({ $0.truth.count == 1 })
    else { return nil }
    let said = records.map { record in
      PredictionRecord(
        id: record.id, prompt: "", reference: record.reference, text: "", truth: record.truth, values: [constant])
    }
    let judged: EvaluationMetric = [.readOutMAE, .crps].contains(metric) ? .mae : metric
    return EvaluationSummary(said, metrics: [judged], range: range)[judged]
  }

  /// 95 % bootstrap interval of a figure over examples (percentiles of 1,000 resamples); nil where it has none.
  func interval(_ metric: EvaluationMetric) -> ConfidenceInterval? {
    let bootstrap = Bootstrap(resamples: Self.resamples, method: .percentile)
    let places = records.indices.map(Double.init)
    let interval: ConfidenceInterval
    if let sums = EvaluationSummary.sums(
      of: records, metric, unreadable: unreadable, grammar: grammar, range: range)
    {
      guard sums.contains(where: { $0.weight > 0 }) else { return nil }
      interval = bootstrap.interval(of: places) { drawn in
        var (sum, weight) = (0.0, 0.0)
        for place in drawn {
          sum += sums[Int(place)].sum
          weight += sums[Int(place)].weight
        }
        return sum / weight
      }
    } else {
      guard records.count <= Self.most else { return nil }
      // Numbers alone are copied a thousand times.
      let short = records.map { record in
        PredictionRecord(id: "", prompt: "", reference: "", text: "", truth: record.truth, values: record.values)
      }
      interval = bootstrap.interval(of: places) { drawn in
        EvaluationSummary(drawn.map { short[Int($0)] }, metrics: [metric], unreadable: unreadable, range: range)[metric]
          ?? .nan
      }
    }
    return interval.low.isFinite && interval.high.isFinite ? interval : nil
  }
}

extension EvaluationSummary {
  /// Adds intervals, and figures of who always says the training answers' median or mean.
  mutating func judge(_ metrics: [EvaluationMetric], _ floors: EvaluationFloors, _ answers: TrainingAnswers?) {
    for metric in metrics {
      if let interval = floors.interval(metric) { intervals[metric.rawValue] = [interval.low, interval.high] }
      for (name, constant) in [("median", answers?.median), ("mean", answers?.mean)] {
        guard let constant,
          let figure = EvaluationFloors.figure(metric, saying: constant, of: floors.records, range: floors.range)
        else { continue }
        self.floors[name, default: [:]][metric.rawValue] = figure
      }
    }
  }
}
