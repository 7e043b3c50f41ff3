// SPDX-License-Identifier: Apache-2.0
import Foundation
import Objectives
import Recipes
import Reports

/// The outcomes of a comparison over responses as figures, intervals and verdicts.
struct ResponseSummary {
  typealias Item = ResponseEvaluation.Item

  /// A comparison in words: of two variants, or of one with choosing the longer response.
  struct Finding: ComparisonFinding {
    let ours: String, theirs: String
    let item: Item
    let verdict: Verdict

    var names: (ours: String, theirs: String) { (ours, theirs) }
    var figure: String { item.rawValue }
  }

  let settings: ComparisonExperiment
  /// Variants of which there are outcomes, in order.
  let variants: [ComparisonVariant]
  /// Seeds that all of them have.
  let seeds: [Int]
  private let outcomes: [String: [ComparisonOutcome]]
  private let figures: [String: [[String: Double]]]

  init(_ settings: ComparisonExperiment, _ results: Results<ComparisonOutcome>) {
    self.settings = settings
    let variants = settings.compared.filter { !results.outcomes($0.name).isEmpty }
    let seeds = results.seeds(variants.map(\.name), [[]])
    (self.variants, self.seeds) = (variants, seeds)
    outcomes = Dictionary(uniqueKeysWithValues: variants.map { ($0.name, results.outcomes($0.name, seeds: seeds)) })
    figures = outcomes.mapValues { runs in
      runs.compactMap(\.responses).map { evaluation in
        evaluation.figures(withIntervals: false).reduce(into: [:]) { $0[$1.name] = $1.value }
      }
    }
  }

  /// Outcomes of the seeds that are compared.
  func outcomes(_ variant: ComparisonVariant) -> [ComparisonOutcome] { outcomes[variant.name] ?? [] }

  /// A figure of each seed, by its name in ``ResponseEvaluation``.
  func figure(_ name: String, _ variant: ComparisonVariant) -> Measurements {
    Measurements((figures[variant.name] ?? []).compactMap { $0[name] })
  }

  /// Values of the held-out prompts for each seed.
  func items(_ item: Item, _ variant: ComparisonVariant) -> ItemScores {
    ItemScores(outcomes(variant).compactMap { $0.responses?.items(item) })
  }

  /// Prompts that say which response is better.
  var prompts: Int { variants.first.map { items(.accuracy, $0).values.count } ?? 0 }

  /// Whether responses have scores, of which the highest reward gets one.
  var isScored: Bool { variants.first.map { figure(Item.bestScore.rawValue, $0).count > 0 } ?? false }

  /// Tested figures, what verdicts are about first.
  var judged: [Item] {
    guard let named = settings.metric.flatMap(Item.init(word:)) else { return [.accuracy, .expectedScore] }
    return [named]
  }

  /// The figure of the headline.
  var main: Item { judged[0] }

  // MARK: Verdicts

  /// What the others are compared with: raft, which imitates the best response, or else what was named first; at each point
  /// of the axes.
  func baseline(of variant: ComparisonVariant) -> ComparisonVariant? {
    let choice = variants.contains { $0.choice == .responses(.raft) } ? .responses(.raft) : variants.first?.choice
    return variants.first { $0.choice == choice && Set($0.point).isSubset(of: Set(variant.point)) }
  }

  /// Every variant against the baseline, by each figure; one correction for all.
  var againstBaseline: [Finding] {
    corrected(
      variants.flatMap { ours in
        guard let theirs = baseline(of: ours), theirs != ours else { return [Finding]() }
        return judged.map { item in
          let verdict = verdict(item, items(item, ours), against: items(item, theirs))
          return Finding(ours: ours.name, theirs: theirs.name, item: item, verdict: verdict)
        }
      })
  }

  /// Every variant against choosing the longer response, by accuracy; one correction for all.
  var againstLength: [Finding] {
    corrected(
      variants.map { variant in
        let verdict = verdict(.accuracy, items(.accuracy, variant), against: items(.longerIsBetter, variant))
        return Finding(ours: variant.name, theirs: "choosing the longer", item: .accuracy, verdict: verdict)
      })
  }

  /// Of an axis that changes what is tested there is none.
  private func verdict(_ item: Item, _ ours: ItemScores, against theirs: ItemScores) -> Verdict {
    guard ours.values.count == theirs.values.count else {
      return Verdict(item.label, ours: [], theirs: [], lowerIsBetter: false)
    }
    return ours.verdict(item.label, against: theirs)
  }

  private func corrected(_ findings: [Finding]) -> [Finding] {
    // What is equal everywhere, or was not measured, is no test among others.
    let open = findings.indices.filter {
      findings[$0].verdict.outcome != .identical && findings[$0].verdict.outcome != .tooFewPairs
    }
    var all = findings
    for (index, verdict) in zip(open, Verdict.corrected(open.map { findings[$0].verdict })) {
      let finding = findings[index]
      all[index] = Finding(ours: finding.ours, theirs: finding.theirs, item: finding.item, verdict: verdict)
    }
    return all
  }
}

extension ResponseEvaluation.Item {
  /// The words that `--metric` knows.
  static let words: KeyValuePairs<String, Self> = [
    "accuracy": .accuracy, "expectedScore": .expectedScore, "bestScore": .bestScore, "likelihood": .likelihood,
  ]

  init?(word: String) {
    guard let found = Self.words.first(where: { $0.key == word }) else { return nil }
    self = found.value
  }

  /// For tables and sentences.
  var label: String {
    switch self {
    case .accuracy: "accuracy"
    case .likelihood: "accuracy by log π"
    case .expectedScore: "expected score"
    case .bestScore: "score of the highest reward"
    case .longerIsBetter: "accuracy of the longer"
    }
  }
}
