// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a judge that sees two responses at once said of them in both orders: it may like what stands first.
public struct PairwiseVotes: Sendable, Hashable, Codable {
  /// ln p(chosen) − ln p(rejected), the chosen one shown first.
  public var chosenFirst: Double
  /// The same, the chosen one shown second.
  public var chosenSecond: Double

  /// Memberwise.
  public init(chosenFirst: Double, chosenSecond: Double) {
    (self.chosenFirst, self.chosenSecond) = (chosenFirst, chosenSecond)
  }

  /// A vote of ±1 for each order, 0 for one that is undecided. The judge is right if their sum is above 0 (JudgeBench, Tan et
  /// al. 2024, arXiv 2410.12784).
  public var sum: Int { [chosenFirst, chosenSecond].reduce(0) { $0 + ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) } }

  /// Mean over both orders of the probability that the chosen one is the better (GRAM, Wang et al. 2025, arXiv 2506.14175).
  public var probability: Double { [chosenFirst, chosenSecond].reduce(0) { $0 + 1 / (1 + exp(-$1)) } / 2 }

  /// Whether both orders say the same.
  public var isConsistent: Bool { (chosenFirst > 0) == (chosenSecond > 0) && (chosenFirst < 0) == (chosenSecond < 0) }

  /// As scores of the two: of a tie of votes equal ones.
  var scores: PreferenceScores { PreferenceScores(chosen: [Double(sum)], rejected: [0]) }

  /// Remarks on the votes of many pairs.
  static func remarks(_ votes: [PairwiseVotes]) -> [String] {
    guard !votes.isEmpty else { return [] }
    func percent(_ count: Double) -> String { "\((1000 * count / Double(votes.count)).rounded() / 10) %" }
    let consistent = votes.count { $0.isConsistent }
    let first = votes.reduce(0.0) { $0 + ($1.chosenFirst > 0 ? 0.5 : 0) + ($1.chosenSecond < 0 ? 0.5 : 0) }
    let right = votes.reduce(0.0) { $0 + ($1.probability > 0.5 ? 1 : $1.probability == 0.5 ? 0.5 : 0) }
    return [
      "Judged side by side in both orders; right if the votes of both add up to more for the chosen one, tied if they cancel.",
      "Both orders agree in \(percent(Double(consistent))) of pairs; the one shown first wins \(percent(first)) of games; by the "
        + "mean probability of both orders \(percent(right)) are right.",
    ]
  }
}
