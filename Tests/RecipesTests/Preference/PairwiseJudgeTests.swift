// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import TestSupport
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

  /// A small model of bytes: what is chosen is exchanged, and so are the votes; batches change nothing.
  @Test func ordersAreExchanged() throws {
    try withTemporaryFolder { folder in
      let model = NewLanguageModel(width: 16, layers: 1, heads: 2, contextLength: 512, seed: 5)
      try model.write(to: folder + "/model")
      let judge = try PairwiseJudge(ModelChoice(folder + "/model", overrides: ["data.template=none"]))
      func request(_ text: String) -> RewardRequest { RewardRequest(prompt: "Which?", response: text) }
      let pairs = [("this one", "that"), ("a", "quite another one"), ("same", "same")].map {
        (chosen: request($0.0), rejected: request($0.1))
      }
      let votes = try judge.votes(pairs), turned = try judge.votes(pairs.map { ($0.rejected, $0.chosen) })
      for (index, (a, b)) in zip(votes, turned).enumerated() {
        #expect(abs(a.chosenFirst + b.chosenSecond) < 1e-5 && abs(a.chosenSecond + b.chosenFirst) < 1e-5)
        let alone = try judge.votes([pairs[index]])[0]
        #expect(abs(alone.chosenFirst - a.chosenFirst) < 1e-5)
      }
      // Equal responses: whatever the model likes about a place, the votes cancel.
      #expect(votes[2].sum == 0 && abs(votes[2].probability - 0.5) < 1e-6)
      #expect(votes[0].chosenFirst != votes[1].chosenFirst)

      let examples = pairs.enumerated().map {
        PreferenceExample(id: "\($0)", chosen: [$1.chosen], rejected: [$1.rejected])
      }
      let evaluation = try PreferenceEvaluation(PreferenceSet(examples), judge)
      let report = PreferenceReport(
        rewardModel: judge.name, evaluation.outcomes, remarks: evaluation.remarks)
      #expect(report.total.examples == 3 && report.notes.contains { $0.contains("Both orders agree in") })
      let long = PreferenceExample(
        id: "long", chosen: [request(String(repeating: "x", count: 600))], rejected: [request("y")])
      #expect(throws: InputError.self) { try PreferenceEvaluation(PreferenceSet([long]), judge) }
      #expect(try PreferenceEvaluation(PreferenceSet(examples + [long]), judge, skipBad: true).skipped.count == 1)
    }
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
