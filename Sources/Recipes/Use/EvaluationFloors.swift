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

  /// Resamples of an interval, examples beyond which only means have one, and examples that are drawn in all for them.
  private static let resamples = 1000, most = 5000, draws = 100_000_000
  /// A hundred thousand examples are drawn a thousand times; more of them less often, since intervals are narrow then.
  private var bootstrap: Bootstrap {
    Bootstrap(
      resamples: min(Self.resamples, max(200, Self.draws / max(1, records.count))), method: .percentile)
  }

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

  /// 95 % bootstrap intervals of figures over examples (percentiles of 1,000 resamples, of fewer from 100,000 examples on);
  /// none where a figure has none.
  func intervals(_ metrics: [EvaluationMetric]) -> [EvaluationMetric: ConfidenceInterval] {
    var means = [(metric: EvaluationMetric, sums: [(sum: Double, weight: Double)])]()
    var found = [EvaluationMetric: ConfidenceInterval]()
    for metric in metrics {
      if let sums = EvaluationSummary.sums(
        of: records, metric, unreadable: unreadable, grammar: grammar, range: range)
      {
        if sums.contains(where: { $0.weight > 0 }) { means.append((metric, sums.map { ($0.sum, $0.weight) })) }
      } else if records.count <= Self.most {
        found[metric] = resampled(metric)
      }
    }
    for (mean, interval) in zip(means, bootstrap.ratioIntervals(of: means.map(\.sums))) {
      found[mean.metric] = interval
    }
    return found.filter { $0.value.low.isFinite && $0.value.high.isFinite }
  }

  /// The interval of a figure that is no mean.
  private func resampled(_ metric: EvaluationMetric) -> ConfidenceInterval {
    // Numbers alone are copied a thousand times.
    let short = records.map { record in
      PredictionRecord(id: "", prompt: "", reference: "", text: "", truth: record.truth, values: record.values)
    }
    return bootstrap.interval(of: records.indices.map(Double.init)) { drawn in
      EvaluationSummary(drawn.map { short[Int($0)] }, metrics: [metric], unreadable: unreadable, range: range)[metric]
        ?? .nan
    }
  }
}

extension EvaluationSummary {
  /// Adds intervals, and figures of who always says the training answers' median or mean.
  mutating func judge(_ metrics: [EvaluationMetric], _ floors: EvaluationFloors, _ answers: TrainingAnswers?) {
    for (metric, interval) in floors.intervals(metrics) {
      intervals[metric.rawValue] = [interval.low, interval.high]
    }
    for metric in metrics {
      for (name, constant) in [("median", answers?.median), ("mean", answers?.mean)] {
        guard let constant,
          let figure = EvaluationFloors.figure(metric, saying: constant, of: floors.records, range: floors.range)
        else { continue }
        self.floors[name, default: [:]][metric.rawValue] = figure
      }
    }
  }
}
