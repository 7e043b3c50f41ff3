// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Objectives
import Recipes
import Reports

/// The outcomes of a study as figures against sft.
struct StudySummary {
  /// Which checkpoint is judged.
  enum Selection: String, CaseIterable {
    /// The one with the lowest validation loss, the variant's own.
    case best
    /// The last step's.
    case last
  }

  /// A problem, by its values of the grid's factors.
  typealias Condition = [Double]

  let settings: StudyExperiment
  private let results: Results<StudyOutcome>
  /// Trained variants.
  let variants: [StudyVariant]

  /// Tested figures, the main one first.
  static let judged: [EvaluationMetric] = [.crps, .readOutMAE, .clippedMAE]

  init(_ settings: StudyExperiment, _ results: Results<StudyOutcome>) {
    (self.settings, self.results) = (settings, results)
    variants = settings.grid.variants.compactMap { name in StudyVariant.all.first { $0.name == name } }
  }

  /// Problems that all variants have learnt with some seed, in order.
  var problems: [Condition] { settings.grid.conditions.filter { !seeds($0).isEmpty } }

  /// Examples of a problem.
  func problem(_ condition: Condition) -> StudyProblem { settings.problem(condition) }

  /// Seeds of a problem that all variants have, in order.
  func seeds(_ problem: Condition) -> [Int] { results.seeds(settings.grid.variants, [problem]) }

  /// Seeds that all problems have.
  func common(_ problems: [Condition]) -> [Int] { results.seeds(settings.grid.variants, problems) }

  /// Outcomes of a problem's seeds.
  func outcomes(_ variant: StudyVariant, _ problem: Condition) -> [StudyOutcome] {
    results.outcomes(variant.name, problem, seeds: seeds(problem))
  }

  /// A figure of each seed; NaN where there was nothing to measure.
  func values(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: Condition, _ rule: Selection
  ) -> [Double] {
    outcomes(variant, problem).map { $0.figure(metric, rule) }
  }

  /// Mean of a figure over seeds.
  func mean(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: Condition, _ rule: Selection
  ) -> Double {
    Measurements(values(metric, variant, problem, rule)).mean
  }

  /// The change against sft, seed by seed, as shares of sft's mean.
  func change(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: Condition, _ rule: Selection
  ) -> Verdict {
    let theirs = values(metric, .plain, problem, rule), scale = Measurements(theirs).mean
    return Verdict(
      metric.label, ours: values(metric, variant, problem, rule).map { $0 / scale }, theirs: theirs.map { $0 / scale },
      lowerIsBetter: metric.lowerIsBetter)
  }

  /// Changes of all variants on all problems, with one correction for all of them.
  func changes(_ metric: EvaluationMetric, _ rule: Selection) -> [StudyVariant: [Condition: Verdict]] {
    let pairs = others.flatMap { variant in problems.map { (variant, $0) } }
    let verdicts = Verdict.corrected(pairs.map { change(metric, $0.0, $0.1, rule) })
    return zip(pairs, verdicts).reduce(into: [:]) { $0[$1.0.0, default: [:]][$1.0.1] = $1.1 }
  }

  /// The change over some problems, all unless named: of each seed that these have, the mean of its changes against sft.
  /// One correction for all variants.
  func overall(
    _ metric: EvaluationMetric, _ rule: Selection, over some: [Condition]? = nil
  ) -> [StudyVariant: Verdict] {
    let problems = some ?? problems, common = common(problems)
    let verdicts = others.map { variant in
      let changes = common.map { ratio(metric, variant, problems, seed: $0, rule) }
      return Verdict(
        metric.label, ours: changes, theirs: changes.map { _ in 1 }, lowerIsBetter: metric.lowerIsBetter)
    }
    return Dictionary(uniqueKeysWithValues: zip(others, Verdict.corrected(verdicts)))
  }

  /// A figure over sft's with the same seed, the mean over problems; NaN where a problem lacks the seed.
  func ratio(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problems: [Condition], seed: Int, _ rule: Selection
  ) -> Double {
    func value(_ variant: StudyVariant, _ problem: Condition) -> Double {
      results.outcome(variant.name, problem, seed: seed)?.figure(metric, rule) ?? .nan
    }
    return Measurements(problems.map { value(variant, $0) / value(.plain, $0) }).mean
  }

  /// All variants but sft.
  var others: [StudyVariant] { variants.filter { $0.preset != .sft } }

  /// What images and claims are about: few weights and one width, that of `scale: auto` where it was tried, or lines hide
  /// each other.
  var shown: [StudyVariant] {
    others.filter { variant in
      let automatic = StudyVariant(variant.preset)
      let width = variant.preset.isOfValues && !variants.contains(automatic) ? 0.2 : nil
      return variant.alpha != 3 && (variant.preset.isOfValues ? variant.width == width : true)
    }
  }

  /// Ranks over the problems where every variant has a figure.
  func ranks(_ metric: EvaluationMetric, _ rule: Selection) -> Friedman {
    let rows = problems.map { problem in variants.map { mean(metric, $0, problem, rule) } }
    return Friedman(rows.filter { $0.allSatisfy(\.isFinite) }, lowerIsBetter: metric.lowerIsBetter)
  }
}
