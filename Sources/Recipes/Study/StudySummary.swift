// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Objectives
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

  let settings: StudySettings
  /// By problem's name and seed.
  let outcomes: [String: [Int: StudyOutcome]]

  /// Tested figures, the main one first.
  static let judged: [EvaluationMetric] = [.crps, .readOutMAE, .clippedMAE]

  init(_ settings: StudySettings, _ outcomes: [StudyOutcome]) {
    self.settings = settings
    self.outcomes = outcomes.reduce(into: [:]) { $0[$1.problem.name, default: [:]][$1.seed] = $1 }
  }

  /// Problems of which there are outcomes, in order.
  var problems: [StudyProblem] { settings.problems.filter { outcomes[$0.name] != nil } }

  /// Seeds of a problem, in order.
  func seeds(_ problem: StudyProblem) -> [Int] { settings.seeds.filter { outcomes[problem.name]?[$0] != nil } }

  /// A figure of each seed; NaN where there was nothing to measure.
  func values(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: StudyProblem, _ rule: Selection
  ) -> [Double] {
    seeds(problem).map { seed in
      let run = outcomes[problem.name]?[seed]?.runs.first { $0.variant == variant }
      return (rule == .best ? run?.best : run?.last)?[metric.rawValue] ?? .nan
    }
  }

  /// Mean of a figure over seeds.
  func mean(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: StudyProblem, _ rule: Selection
  ) -> Double {
    Measurements(values(metric, variant, problem, rule)).mean
  }

  /// The change against sft, seed by seed, as shares of sft's mean.
  func change(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problem: StudyProblem, _ rule: Selection
  ) -> Verdict {
    let theirs = values(metric, StudyVariant(.sft), problem, rule), scale = Measurements(theirs).mean
    return Verdict(
      metric.label, ours: values(metric, variant, problem, rule).map { $0 / scale }, theirs: theirs.map { $0 / scale },
      lowerIsBetter: metric.lowerIsBetter)
  }

  /// Changes of all variants on all problems, with one correction for all of them.
  func changes(_ metric: EvaluationMetric, _ rule: Selection) -> [StudyVariant: [String: Verdict]] {
    let pairs = others.flatMap { variant in problems.map { (variant, $0) } }
    let verdicts = Verdict.corrected(pairs.map { change(metric, $0.0, $0.1, rule) })
    return zip(pairs, verdicts).reduce(into: [:]) { $0[$1.0.0, default: [:]][$1.0.1.name] = $1.1 }
  }

  /// The change over all problems: of each seed that all problems have, the mean of its changes against sft. One
  /// correction for all variants.
  func overall(_ metric: EvaluationMetric, _ rule: Selection) -> [StudyVariant: Verdict] {
    let common = settings.seeds.filter { seed in problems.allSatisfy { outcomes[$0.name]?[seed] != nil } }
    let verdicts = others.map { variant in
      let changes = common.map { ratio(metric, variant, problems, seed: $0, rule) }
      return Verdict(
        metric.label, ours: changes, theirs: changes.map { _ in 1 }, lowerIsBetter: metric.lowerIsBetter)
    }
    return Dictionary(uniqueKeysWithValues: zip(others, Verdict.corrected(verdicts)))
  }

  /// A figure over sft's with the same seed, the mean over problems; NaN where a problem lacks the seed.
  func ratio(
    _ metric: EvaluationMetric, _ variant: StudyVariant, _ problems: [StudyProblem], seed: Int, _ rule: Selection
  ) -> Double {
    let shares = problems.map { problem -> Double in
      guard let index = seeds(problem).firstIndex(of: seed) else { return .nan }
      return values(metric, variant, problem, rule)[index]
        / values(metric, StudyVariant(.sft), problem, rule)[index]
    }
    return Measurements(shares).mean
  }

  /// All variants but sft.
  var others: [StudyVariant] { settings.variants.filter { $0.preset != .sft } }

  /// Ranks over the problems where every variant has a figure.
  func ranks(_ metric: EvaluationMetric, _ rule: Selection) -> Friedman {
    let rows = problems.map { problem in settings.variants.map { mean(metric, $0, problem, rule) } }
    return Friedman(rows.filter { $0.allSatisfy(\.isFinite) }, lowerIsBetter: metric.lowerIsBetter)
  }
}
