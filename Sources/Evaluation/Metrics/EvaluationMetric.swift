// SPDX-License-Identifier: Apache-2.0
/// The figures that `evaluate` knows, by name.
public enum EvaluationMetric: String, Sendable, Hashable, Codable, CaseIterable {
  /// Share of answers that equal the reference, surrounding white space aside.
  case exactMatch
  /// Share of answers from which the numbers could be read.
  case parseRate
  /// Mean absolute error, in the numbers' own unit.
  case mae
  /// Median of the absolute error: no single answer decides it.
  case medianError
  /// Mean absolute error of answers moved to the nearest end of the training answers' range, as far as they lie outside:
  /// no single answer decides it.
  case clippedMAE
  /// Root of the mean squared error.
  case rmse
  /// Mean of |error| / |truth| where the truth is not 0.
  case relativeError
  /// Coefficient of determination.
  case r2
  /// Rank correlation.
  case spearman
  /// Mean absolute error of the numbers read out of the distributions: their medians, means or modes.
  case readOutMAE
  /// Mean negative log-likelihood of the right answers, all their tokens with the end, in nats an answer.
  case nll
  /// Mean continuous ranked probability score of the distributions read out.
  case crps
  /// Share of truths inside the central interval of the distributions read out.
  case coverage
  /// Mean share of the model's belief that the distributions read out hold.
  case mass
  /// Mean intersection over union of boxes; 0 where no box could be read.
  case iou
  /// Share of boxes with an intersection over union of at least a half; wrong where no box could be read.
  case boxAccuracy
  /// Share of right digits in the text over all places; wrong where no number could be read.
  case digitAccuracy

  /// Whether unreadable answers are scored by ``Unreadable`` rather than counted as wrong.
  public var isError: Bool { [.mae, .medianError, .clippedMAE, .rmse, .relativeError, .r2, .spearman].contains(self) }

  /// Whether it is a mean over the numbers read out of distributions.
  public var isOfBeliefs: Bool { [.readOutMAE, .crps, .coverage, .mass].contains(self) }
}
