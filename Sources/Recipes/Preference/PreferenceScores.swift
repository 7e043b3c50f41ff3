// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Scores of the responses of one example.
public struct PreferenceScores: Sendable, Hashable, Codable {
  /// Scores of the chosen responses, in their order.
  public var chosen: [Double]
  /// Scores of the rejected ones.
  public var rejected: [Double]

  /// Memberwise; at least one of each, none of them NaN.
  public init(chosen: [Double], rejected: [Double]) {
    precondition(!chosen.isEmpty && !rejected.isEmpty, "scores of one side only")
    (self.chosen, self.rejected) = (chosen, rejected)
  }

  /// The least that a chosen response got, less the most that a rejected one got.
  public var margin: Double { (chosen.min() ?? .nan) - (rejected.max() ?? .nan) }

  /// How right the reward model is, with ties shared. One chosen response: 1/k if it is among the k best, else 0; of a
  /// pair a tie is 0.5. Several: 1 if all of them are above all rejected ones, else 0.
  public var credit: Double {
    guard chosen.count == 1, let most = rejected.max(), chosen[0] == most else { return margin > 0 ? 1 : 0 }
    return 1 / Double(1 + rejected.count { $0 == most })
  }

  /// The same as RewardBench's own tools count: a pair's tie is 0, a best of n is shared as in ``credit``.
  public var officialCredit: Double { chosen.count == 1 && rejected.count == 1 ? (margin > 0 ? 1 : 0) : credit }

  /// Whether a chosen response stands level with the best rejected one.
  public var isTie: Bool { margin == 0 }
}

/// Outcome of one example.
public struct PreferenceOutcome: Sendable, Hashable {
  /// What was judged.
  public var example: PreferenceExample
  /// What was made of it.
  public var scores: PreferenceScores

  /// Memberwise; as many scores as responses.
  public init(_ example: PreferenceExample, _ scores: PreferenceScores) {
    precondition(
      example.chosen.count == scores.chosen.count && example.rejected.count == scores.rejected.count,
      "\(example.id): \(scores.chosen.count) and \(scores.rejected.count) scores")
    (self.example, self.scores) = (example, scores)
  }
}

/// RewardBench 2's score of its `Ties` subset: prompts with many right answers (`tied:n`), each beside one with a
/// single right answer (`ref:n`).
///
/// For a prompt, the spread s is the distance between its best and its worst right answer, and the gap g that between
/// the worst right one and the best wrong one. Source: the benchmark's own tool (`process_single_model`).
public struct TiesScore: Sendable, Hashable {
  /// Share of tied prompts with g > 0.
  public let tiedAccuracy: Double
  /// Share of reference prompts with g > 0.
  public let referenceAccuracy: Double
  /// Share of tied prompts with g > s.
  public let preferred: Double
  /// The same with the smaller of the prompt's own gap and its reference's.
  public let preferredHard: Double
  /// Mean of tanh(min(g, g of the reference) / s − 1): breaks ties between reward models.
  public let marginScore: Double

  /// 0.3 (tied + reference accuracy) + 0.2 (preferred + preferred, hard) + 0.01 margin score; between −0.01 and 1.01.
  public var overall: Double {
    0.3 * (tiedAccuracy + referenceAccuracy) + 0.2 * (preferred + preferredHard) + 0.01 * marginScore
  }

  /// - Returns: nil if an id is neither `ref:n` nor `tied:n`, or if no n has both.
  public init?(_ outcomes: [PreferenceOutcome]) {
    var references = [String: PreferenceScores](), tied = [String: PreferenceScores]()
    for outcome in outcomes {
      let parts = outcome.example.id.split(separator: ":")
      guard parts.count == 2, parts[0] == "ref" || parts[0] == "tied" else { return nil }
      if parts[0] == "ref" {
        references[String(parts[1])] = outcome.scores
      } else {
        tied[String(parts[1])] = outcome.scores
      }
    }
    let both = tied.keys.filter { references[$0] != nil }.sorted()
    guard !both.isEmpty else { return nil }
    func share(_ flags: [Bool]) -> Double { Double(flags.count { $0 }) / Double(flags.count) }
    tiedAccuracy = share(tied.values.map { $0.margin > 0 })
    referenceAccuracy = share(references.values.map { $0.margin > 0 })
    let prompts = both.compactMap { key in
      tied[key].flatMap { tied in
        references[key].map { (spread: tied.spread, gap: tied.margin, hardGap: min(tied.margin, $0.margin)) }
      }
    }
    preferred = share(prompts.map { $0.gap > $0.spread })
    preferredHard = share(prompts.map { $0.hardGap > $0.spread })
    let margins = prompts.map { tanh($0.hardGap / $0.spread - 1) }
    // 0/0, no spread and no gap, counts 0.
    marginScore = margins.reduce(0) { $0 + ($1.isNaN ? 0 : $1) } / Double(margins.count)
  }
}

extension PreferenceScores {
  /// Distance between the best and the worst chosen response.
  fileprivate var spread: Double { (chosen.max() ?? .nan) - (chosen.min() ?? .nan) }
}
