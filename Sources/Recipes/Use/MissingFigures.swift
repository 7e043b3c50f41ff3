// SPDX-License-Identifier: Apache-2.0
import Evaluation

extension EvaluationSummary {
  /// Says of figures that were asked for and could not be measured why, one sentence each.
  func missing(_ metrics: [EvaluationMetric], _ records: [PredictionRecord]) -> [String] {
    metrics.filter { self[$0] == nil }.map { metric in
      "\(metric.label) (\(metric.rawValue)) could not be measured: \(Self.reason(metric, records))."
    }
  }

  private static func reason(_ metric: EvaluationMetric, _ records: [PredictionRecord]) -> String {
    let truths = records.flatMap(\.truth)
    guard !records.isEmpty else { return "there are no answers" }
    switch metric {
    case .readOutMAE, .nll, .crps, .coverage, .mass:
      return "no distribution was read out (--set evaluate.distribution=true reads them)"
    case .iou, .boxAccuracy: return "no right answer is a box, four numbers x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2"
    case .digitAccuracy: return "no right answer holds digits"
    case _ where truths.isEmpty: return "no number can be read of the right answers"
    case _ where records.allSatisfy { $0.values == nil }: return "no answer holds a number that can be read"
    case .clippedMAE: return "the range of the training answers is not known"
    case .relativeError where truths.allSatisfy { $0 == 0 }: return "all right answers are 0"
    case .r2 where Set(truths).count < 2, .spearman where Set(truths).count < 2: return "all right answers are equal"
    case .spearman: return "all answers are equal"
    default: return "it is more than a double holds"
    }
  }
}
