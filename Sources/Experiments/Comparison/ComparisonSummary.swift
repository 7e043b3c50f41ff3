// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports

/// The outcomes of a comparison as figures, intervals and verdicts.
struct ComparisonSummary {
  let settings: ComparisonExperiment
  let run: RunSettings
  private let results: Results<ComparisonOutcome>
  /// Figures shown, in order.
  let metrics: [EvaluationMetric]
  /// The one that the headline is about. No single answer decides it, unless the user has named another.
  let main: EvaluationMetric
  /// Median and range of the training answers; nil if they are not known.
  let answers: TrainingAnswers?
  /// Further remarks on the answers.
  let remarks: [String]

  init(_ settings: ComparisonExperiment, _ results: Results<ComparisonOutcome>) {
    (self.settings, self.results) = (settings, results)
    var run = settings.run
    run.path = settings.path
    self.run = run
    let artifacts = try? RunArtifacts(run)
    answers = artifacts.flatMap { TrainingAnswers($0) }
    let outcomes = settings.seeds.flatMap { seed in
      settings.variants.compactMap { name in results.outcome(name, seed: seed).map { (name, $0.records) } }
    }
    remarks = comparisonRemarks(outcomes, artifacts, answers)
    let fitting = run.evaluate.metrics ?? Evaluating.fitting(outcomes.first?.1 ?? [])
    // One answer of eleven digits is a mean of thousands: robust figures stand beside it.
    let robust = ([.medianError] + (answers?.range == nil ? [] : [.clippedMAE])).filter { !fitting.contains($0) }
    let all = fitting.flatMap { $0 == .mae ? [$0] + robust : [$0] }
    // What verdicts are about comes first.
    metrics = Self.first.filter(all.contains) + all.filter { !Self.first.contains($0) }
    let named = settings.metric.flatMap(EvaluationMetric.init(rawValue:))
    let usual: [EvaluationMetric] =
      (run.evaluate.readOut == .greedy ? [] : [.readOutMAE]) + [.clippedMAE, .medianError, .boxAccuracy, .exactMatch]
    main = named ?? usual.first(where: metrics.contains) ?? metrics.first ?? .exactMatch
  }

  private static let first: [EvaluationMetric] = [.readOutMAE, .crps, .nll, .clippedMAE]

  /// Variants of which there are outcomes, in order.
  var variants: [ComparisonVariant] { settings.compared.filter { !results.outcomes($0.name).isEmpty } }

  /// Seeds that all variants have: only those may be compared.
  var seeds: [Int] { results.seeds(variants.map(\.name), [[]]) }

  /// The outcome of one run, if it is finished.
  func outcome(_ variant: ComparisonVariant, _ seed: Int) -> ComparisonOutcome? {
    results.outcome(variant.name, seed: seed)
  }

  /// Outcomes of the seeds that are compared.
  func outcomes(_ variant: ComparisonVariant) -> [ComparisonOutcome] { seeds.compactMap { outcome(variant, $0) } }

  /// Answers of the first run that is finished.
  var firstRecords: [PredictionRecord]? {
    variants.lazy.flatMap { results.outcomes($0.name) }.first?.records
  }

  /// A figure of one run; nil where there was nothing to measure.
  func figure(_ metric: EvaluationMetric, _ variant: ComparisonVariant, _ seed: Int) -> Double? {
    outcome(variant, seed).flatMap { figure(metric, $0.records) }
  }

  private func figure(_ metric: EvaluationMetric, _ records: [PredictionRecord]) -> Double? {
    EvaluationSummary(records, metrics: [metric], unreadable: unreadable, range: answers?.range)[metric]
  }

  /// A figure of always saying the training median; nil for figures that need more than a number.
  func floor(_ metric: EvaluationMetric) -> Double? {
    guard let constant = answers?.median, let records = firstRecords else { return nil }
    return EvaluationFloors.figure(metric, saying: constant, of: records, range: answers?.range)
  }

  /// How unreadable answers count.
  var unreadable: Unreadable { run.evaluate.unreadableAs.map { .constant($0) } ?? .leftOut }

  /// The main figure of every example alone, mean over seeds; NaN where it has none.
  func perExample(_ metric: EvaluationMetric, _ variant: ComparisonVariant) -> [Double] {
    let runs = outcomes(variant).map(\.records)
    // The root of one squared error is its absolute error: RMSE of a set is not a mean, so squares would be compared.
    return (runs.first ?? []).indices.map { index in
      let values = runs.compactMap { figure(metric, [$0[index]]) }
      return values.count == runs.count ? values.reduce(0, +) / Double(values.count) : .nan
    }
  }

  /// The mean over seeds.
  func mean(_ metric: EvaluationMetric, _ variant: ComparisonVariant) -> Double? {
    let values = seeds.compactMap { figure(metric, variant, $0) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The 95 % interval of that mean by the bootstrap over test examples and, with several seeds, over seeds as well.
  func interval(_ metric: EvaluationMetric, _ variant: ComparisonVariant, resamples: Int = 300) -> ConfidenceInterval? {
    let runs = outcomes(variant).map(\.records)
    guard let count = runs.first?.count, count > 1 else { return nil }
    // Figures that are means are summed up once, not read anew from every resample.
    let sums = runs.map {
      EvaluationSummary.sums(of: $0, metric, unreadable: unreadable, range: answers?.range)
    }
    func figure(_ run: Int, _ examples: [Int]) -> Double? {
      guard let sums = sums[run] else { return self.figure(metric, examples.map { runs[run][$0] }) }
      let total = examples.reduce(into: (sum: 0.0, weight: 0.0)) { total, example in
        total = (total.sum + sums[example].sum, total.weight + sums[example].weight)
      }
      return total.weight > 0 && total.sum.isFinite ? total.sum / total.weight : nil
    }
    var values = [Double]()
    for resample in 0..<resamples {
      // The same draws for every variant and metric.
      var generator = CounterGenerator(0x636F_6D70, UInt64(resample))
      let examples = (0..<count).map { _ in generator.next(below: count) }
      let drawn = runs.indices.map { _ in runs.count == 1 ? 0 : generator.next(below: runs.count) }
      let figures = drawn.compactMap { figure($0, examples) }
      if !figures.isEmpty { values.append(figures.reduce(0, +) / Double(figures.count)) }
    }
    guard values.count > resamples / 2 else { return nil }
    let sample = Measurements(values)
    return ConfidenceInterval(low: sample.quantile(0.025), high: sample.quantile(0.975))
  }
}
