// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Foundation
import Reports

/// Figures of a reward model.
enum RewardFigure: Hashable {
  /// Share of the test file's pairs, two responses to one question with different overall scores, in which the
  /// better one has the higher reward; a tie counts half.
  case pairs
  /// Spearman's ρ of reward and overall score over the test file.
  case spearman
  /// Mean distance of the overall expectation from the rating that was given, not rounded, in the scale's units.
  case error
  /// Mean Spearman's ρ of the attributes.
  case attributes
  /// Accuracy on a file of preferences, by its place in the settings.
  case preferences(Int)
  /// Accuracy on MMLU.
  case mmlu

  var lowerIsBetter: Bool { self == .error }
  var isShare: Bool {
    switch self {
    case .spearman, .error, .attributes: false
    default: true
    }
  }

  /// The figure of one run; NaN where a model has none.
  func value(_ outcome: RewardOutcome) -> Double {
    let clusters = Clusters(self, outcome)
    return clusters.value(Array(0..<clusters.count))
  }
}

/// An outcome cut into the units that are resampled: questions with all their responses, examples of a file.
struct Clusters {
  private let figure: RewardFigure
  private let questions: [[RewardOutcome.Rated]]
  private let credits: [Double]

  init(_ figure: RewardFigure, _ outcome: RewardOutcome) {
    self.figure = figure
    switch figure {
    case .preferences(let index):
      credits = outcome.preferences.indices.contains(index) ? outcome.preferences[index].credits : []
      questions = []
    case .mmlu: (credits, questions) = ((outcome.mmlu ?? []).map { $0 ? 1 : 0 }, [])
    default:
      let groups = Dictionary(grouping: outcome.responses, by: \.question)
      (credits, questions) = ([], groups.keys.sorted().compactMap { groups[$0] })
    }
  }

  var count: Int { max(questions.count, credits.count) }

  /// The figure over some of the units, named once or several times; NaN if there is nothing to measure.
  func value(_ drawn: [Int]) -> Double {
    guard count > 0 else { return .nan }
    switch figure {
    case .preferences, .mmlu: return Measurements(drawn.map { credits[$0] }).mean
    case .pairs:
      let all = drawn.flatMap { Self.pairCredits(questions[$0]) }
      return all.isEmpty ? .nan : Measurements(all).mean
    case .spearman:
      let all = drawn.flatMap { questions[$0] }
      return Correlation.spearman(all.map(\.reward.overall.expectation), all.map { $0.truth[0] })
    case .error:
      let all = drawn.flatMap { questions[$0] }
      // The logit of a classifier is no score.
      guard all.allSatisfy({ $0.reward.overall.variance != nil || !$0.reward.attributes.isEmpty }) else { return .nan }
      return Measurements(all.map { abs($0.reward.overall.expectation - $0.truth[0]) }).mean
    case .attributes:
      let all = drawn.flatMap { questions[$0] }
      guard let attributes = all.first?.reward.attributes.count, attributes > 0 else { return .nan }
      let found = (0..<attributes).map { attribute in
        Correlation.spearman(
          all.map { $0.reward.attributes[attribute].expectation }, all.map { $0.truth[attribute + 1] })
      }.filter(\.isFinite)
      return found.isEmpty ? .nan : Measurements(found).mean
    }
  }

  private static func pairCredits(_ responses: [RewardOutcome.Rated]) -> [Double] {
    responses.indices.flatMap { first in
      responses[(first + 1)...].compactMap { second -> Double? in
        let a = responses[first], order = a.truth[0] - second.truth[0]
        guard order != 0 else { return nil }
        let difference = (a.reward.overall.expectation - second.reward.overall.expectation) * (order > 0 ? 1 : -1)
        return difference > 0 ? 1 : difference == 0 ? 0.5 : 0
      }
    }
  }
}
