// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// A judge that sees both responses, in both orders.
@Suite struct PairwiseJudgeTests {
  /// JudgeBench's rule, of the float64 fixture: its second game is turned back to the order A, B.
  @Test func votesOfBothOrders() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/sequences/evaluation.json").standardized.path
    let expected = try JSONReader(file: path).at("judge_bench")
    var right = 0
    for item in try expected.at("items").elements() {
      let label = try item.string(at: "label")
      let odds = try item.at("games").elements().map { game -> Double in
        let said = try game.string()
        return said == "A=B" ? 0 : said == label ? 0.7 : -0.7
      }
      let votes = PairwiseVotes(chosenFirst: odds[0], chosenSecond: odds[1])
      #expect((votes.sum > 0) == (try item.bool(at: "correct")))
      right += votes.sum > 0 ? 1 : 0
    }
    #expect(Double(right) / 5 == (try expected.double(at: "accuracy")))
  }

  @Test func meanOfBothOrders() {
    let votes = PairwiseVotes(chosenFirst: 2, chosenSecond: -1)
    func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    #expect(abs(votes.probability - (logistic(2) + logistic(-1)) / 2) < 1e-12)
    #expect(votes.sum == 0 && !votes.isConsistent)
    #expect(PairwiseVotes(chosenFirst: 1, chosenSecond: 3).isConsistent)
    #expect(PairwiseVotes(chosenFirst: 1, chosenSecond: 0).sum == 1)
  }
}
