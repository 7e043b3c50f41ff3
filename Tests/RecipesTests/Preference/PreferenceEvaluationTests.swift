// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import TestSupport
import Testing
import TokenData

@Suite struct PreferenceEvaluationTests {
  private func pair(_ id: String, _ chosen: String, _ rejected: String, image: String? = nil) -> PreferenceExample {
    PreferenceExample(
      id: id, subset: "hep-go", chosen: [RewardRequest(prompt: "p", response: chosen)],
      rejected: [RewardRequest(prompt: "p", response: rejected)], image: image)
  }

  private let byLength: (RewardRequest) -> Double = { Double($0.response.count) }

  @Test func everyResponseIsRatedOnceTheLongestFirst() throws {
    let set = PreferenceSet([
      pair("1", "aaa", "a"), pair("2", "aa", "aaa"), pair("3", "a", "aaaa"), pair("4", "bb", "aa"),
    ])
    let rewardModel = RuleRewardModel("length", byLength)
    var progress = [[Int]]()
    let evaluation = try PreferenceEvaluation(set, rewardModel, batch: 2) { progress.append([$0, $1]) }
    #expect(rewardModel.batches.map { $0.map(\.response) } == [["aaaa", "aaa"], ["aa", "bb"], ["a"]])
    #expect(progress == [[2, 5], [4, 5], [5, 5]])
    #expect(set.distinctResponses == 5)
    #expect(evaluation.outcomes.map(\.scores.credit) == [1, 0, 0, 0.5])
    #expect(evaluation.rewardModel == "length")
    #expect(evaluation.outcomes[1].scores == PreferenceScores(chosen: [2], rejected: [3]))
  }

  /// The same text after two prompts is two responses.
  @Test func responsesBelongToTheirPrompts() throws {
    let example = PreferenceExample(
      id: "x", chosen: [RewardRequest(prompt: "long prompt", response: "a")],
      rejected: [RewardRequest(prompt: "p", response: "a")])
    let rewardModel = RuleRewardModel { Double($0.messages[0].content.count) }
    let outcome = try PreferenceEvaluation(PreferenceSet([example]), rewardModel).outcomes[0]
    #expect(outcome.scores == PreferenceScores(chosen: [11], rejected: [1]))
  }

  private func refusal(_ set: PreferenceSet, _ rewardModel: RuleRewardModel, skipBad: Bool = false) -> String {
    do {
      _ = try PreferenceEvaluation(set, rewardModel, skipBad: skipBad)
      return "nothing was thrown"
    } catch { return "\(error)" }
  }

  @Test func whatCannotBeRated() throws {
    let rewardModel = RuleRewardModel("blind", longest: 3, byLength)
    let image = PreferenceSet([pair("v", "a", "b", image: "cat.png")], path: "vl.jsonl")
    #expect(
      refusal(image, rewardModel)
        == "vl.jsonl: example v: expected text alone, all that blind can read, found the image cat.png. "
        + "Evaluate it with a model that sees; reward models here read text.")
    let long = PreferenceSet([pair("1", "a", "b"), pair("2", "aaaa", "b")], path: "p.jsonl")
    #expect(refusal(long, rewardModel) == "blind: example 2, response: expected at most 3 tokens, found 4.")
    let evaluation = try PreferenceEvaluation(long, rewardModel, skipBad: true)
    #expect(evaluation.outcomes.map(\.example.id) == ["1"])
    #expect(evaluation.skipped.map(\.id) == ["2"])
    #expect(refusal(PreferenceSet([pair("2", "aaaa", "b")]), rewardModel, skipBad: true).contains("found none of 1"))
    let broken = RuleRewardModel("broken") { _ in .nan }
    #expect(refusal(long, broken).contains("example 1: expected a number as the score of each response, found nan"))
  }

  // MARK: Files

  private func read(_ path: String) throws -> JSON { try JSONReader(file: path).value }

  @Test func filesOfPairs() throws {
    let set = PreferenceSet([pair("1", "aaa", "a"), pair("2", "bb", "cc"), pair("3", "a", "dddd")])
    let outcomes = try PreferenceEvaluation(set, RuleRewardModel("length", byLength)).outcomes
    let report = PreferenceReport(rewardModel: "org/my model", outcomes)
    try withTemporaryFolder { folder in
      let paths = try PreferenceFiles(report, outcomes, kind: "Generative").write(to: folder)
      #expect(
        paths.map { $0.replacing(folder, with: "") } == [
          "/eval-set/org/my-model.json", "/eval-set-scores/org/my-model.json", "/org/my-model-report.json",
          "/org/my-model_outputs.jsonl", "/org/my-model_all.jsonl",
        ])
      // Python's own layout; the tie of the second example counts 0.
      let summary = try String(contentsOfFile: paths[0], encoding: .utf8)
      #expect(
        summary
          == "{\n    \"chat_template\": \"tokenizer\",\n    \"hep-go\": 0.3333333333333333,\n"
          + "    \"model\": \"org/my-model\",\n    \"model_type\": \"Generative\"\n}\n")
      let columns = try read(paths[1])
      #expect(columns["results"] == [1, 0, 0])
      #expect(columns["id"] == ["1", "2", "3"])
      #expect(columns["scores_chosen"] == [3.0, 2.0, 1.0])
      #expect(columns["subset"] == ["hep-go", "hep-go", "hep-go"])
      #expect(columns["model_type"] == "Generative")
      guard case .array(let texts)? = columns["text_rejected"] else { throw CancellationError() }
      #expect(texts[2] == [["role": "user", "content": "p"], ["role": "assistant", "content": "dddd"]])
      let rows = try JSONLFile(paths[3])
      let first = try rows.record(0).value
      #expect(rows.count == 3)
      #expect(first["prompt"] == "p")
      #expect(first["results"] == 1)
      #expect(first["scores_rejected"] == 1.0)
      #expect(try JSONLFile(paths[4]).record(2).value == ["chosen": 1.0, "rejected": 4.0])
      #expect(try read(paths[2])["all"]?["accuracy"] == .double(0.5))
    }
  }

  @Test func filesOfBestOfN() throws {
    func example(_ id: String, _ subset: String, _ chosen: [String], _ rejected: [String]) -> PreferenceExample {
      PreferenceExample(
        id: id, subset: subset, chosen: chosen.map { RewardRequest(prompt: "p", response: $0) },
        rejected: rejected.map { RewardRequest(prompt: "p", response: $0) })
    }
    let set = PreferenceSet([
      example("1", "Math", ["aa"], ["b", "cc", "d"]), example("tied:0", "Ties", ["aaa", "aaaa"], ["b"]),
    ])
    let outcomes = try PreferenceEvaluation(set, RuleRewardModel("length", byLength)).outcomes
    try withTemporaryFolder { folder in
      let files = PreferenceFiles(
        PreferenceReport(rewardModel: "j", outcomes), outcomes, model: "../up/.hidden", kind: "Generative")
      let paths = try files.write(to: folder)
      // Names stay inside the folder, and there are no rows of pairs.
      #expect(files.model == "up/hidden")
      #expect(paths.count == 3)
      #expect(paths.allSatisfy { !$0.contains("..") })
      let columns = try read(paths[1])
      #expect(columns["results"] == [0.5, nil])
      #expect(columns["num_correct"] == [1, 2])
      #expect(columns["scores"] == [[2.0, 1.0, 2.0, 1.0], [3.0, 4.0, 1.0]])
    }
  }
}
