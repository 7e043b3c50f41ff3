// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import TokenData

@Suite struct PreferenceReaderTests {
  private func example(_ line: String) throws -> PreferenceExample {
    try withLines([line]) { path in try #require(try PreferenceSet(path).examples.first) }
  }

  private func refusal(_ line: String) throws -> String {
    try withLines(["", line]) { path in
      do {
        _ = try PreferenceSet(path)
        Issue.record("nothing was thrown for \(line)")
        return ""
      } catch let error as InputError {
        return error.description.replacing(path, with: "F")
      }
    }
  }

  private let asked = [ChatMessage(.user, "q")]

  // MARK: Formats

  @Test func rewardBench() throws {
    let example = try example(
      #"{"prompt": "q", "chosen": "a", "rejected": "b", "subset": "hep-cpp", "id": 12, "x": 1}"#)
    #expect(example.id == "12")
    #expect(example.subset == "hep-cpp")
    #expect(example.language == nil)
    #expect(example.margin == nil)
    #expect(example.chosen == [RewardRequest(messages: asked, response: "a")])
    #expect(example.rejected == [RewardRequest(messages: asked, response: "b")])
  }

  @Test func fieldsThatMayBeMissing() throws {
    let example = try example(#"{"prompt": "q", "chosen": "a", "rejected": "", "margin": 1.5, "language": "deu_Latn"}"#)
    #expect(example.id == "pairs.jsonl line 1")
    #expect(example.subset == "all")
    #expect(example.margin == 1.5 && example.language == "deu_Latn" && example.rejected[0].response.isEmpty)
  }

  @Test func wholeConversations() throws {
    let example = try example(
      #"{"prompt": "ignored", "chosen": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}"#
    )
    #expect(example.chosen == [RewardRequest(messages: [ChatMessage(.system, "s")] + asked, response: "a")])
    #expect(example.rejected == [RewardRequest(messages: asked, response: "b")])
  }

  /// TRL's explicit prompt: the lists hold the last turn alone.
  @Test func conversationsAfterAPrompt() throws {
    let example = try example(
      #"{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}"#
    )
    #expect(example.chosen == [RewardRequest(messages: asked, response: "a")])
    #expect(example.rejected == [RewardRequest(messages: asked, response: "b")])
  }

  @Test func bestOfFourAndManyRight() throws {
    let best = try example(
      #"{"id": "7", "prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"], "num_correct": 1, "subset": "Math"}"#)
    #expect(best.chosen.map(\.response) == ["a"])
    #expect(best.rejected.map(\.response) == ["b", "c", "d"])
    #expect(best.rejected.allSatisfy { $0.messages == asked })
    let ties = try example(
      #"{"id": "tied:0", "prompt": "q", "chosen": ["a", "b"], "rejected": ["c"], "num_correct": 2, "subset": "Ties"}"#)
    #expect(ties.id == "tied:0")
    #expect(ties.chosen.count == 2)
    #expect(ties.rejected.count == 1)
  }

  @Test(arguments: [("[0, 1]", "a"), ("[1, 0]", "b")]) func ranked(ranking: String, best: String) throws {
    let example = try example(
      "{\"id\": \"v\", \"image\": \"cat.png\", \"query\": \"q\", \"response\": [\"a\", \"b\"], \"human_ranking\": \(ranking), \"query_source\": \"POVID\"}"
    )
    #expect(example.image == "cat.png")
    #expect(example.subset == "POVID")
    #expect(example.chosen == [RewardRequest(messages: asked, response: best)])
    #expect(example.rejected.count == 1 && example.rejected[0].response != best)
  }

  private func vote(_ winner: String, turn: Int) -> String {
    func conversation(_ name: String) -> String {
      let texts = ["q", "\(name)1", "more", "\(name)2"].enumerated().map { index, text in
        "{\"content\": \"\(text)\", \"role\": \"\(index % 2 == 0 ? "user" : "assistant")\"}"
      }
      return "[" + texts.joined(separator: ", ") + "]"
    }
    return
      "{\"question_id\": 81, \"model_a\": \"x\", \"model_b\": \"y\", \"winner\": \"\(winner)\", \"judge\": \"author_2\", \"conversation_a\": \(conversation("a")), \"conversation_b\": \(conversation("b")), \"turn\": \(turn)}"
  }

  @Test func votes() throws {
    let first = try example(vote("model_b", turn: 1))
    #expect(first.id == "81/x/y/1/author_2")
    #expect(first.subset == "turn 1")
    #expect(first.chosen == [RewardRequest(messages: asked, response: "b1")])
    #expect(first.rejected == [RewardRequest(messages: asked, response: "a1")])
    let second = try example(vote("model_a", turn: 2))
    let past = asked + [ChatMessage(.assistant, "a1"), ChatMessage(.user, "more")]
    #expect(second.chosen == [RewardRequest(messages: past, response: "a2")])
    #expect(second.rejected[0].messages[1].content == "b1" && second.rejected[0].response == "b2")
  }

  @Test func humanTiesAreCounted() throws {
    let lines = [vote("tie", turn: 1), vote("model_a", turn: 1), vote("tie (inconsistent)", turn: 2)]
    try withLines(lines) { path in
      let set = try PreferenceSet(path)
      #expect(set.humanTies == 2)
      #expect(set.examples.count == 1)
      #expect(set.remarks == ["2 ties of the people who judged are left out."])
    }
  }

  // MARK: Bad lines

  @Test(arguments: [
    (#"{"prompt": "q", "chosen": "a"}"#, "F: line 2, key rejected: expected a value, found no such key."),
    (
      #"{"prompt": "q", "chosen": {}, "rejected": "b"}"#, "F: line 2, key chosen: expected a string, found object of 0."
    ),
    (#"{"chosen": "a", "rejected": "b"}"#, "F: line 2, key prompt: expected a value, found no such key."),
    (
      #"{"prompt": "q", "chosen": [], "rejected": ["b"]}"#,
      "F: line 2, key chosen: expected a response, found an empty list."
    ),
    (
      #"{"prompt": "q", "chosen": ["a", "b"], "rejected": ["c"], "num_correct": 1}"#,
      "F: line 2, key num_correct: expected the number of chosen responses, 2, found number 1."
    ),
    (
      #"{"chosen": [{"role": "user", "content": "q"}], "rejected": "b"}"#,
      "F: line 2, key chosen: expected a conversation that ends with the assistant, found one that ends with the user."
    ),
    (
      #"{"prompt": "q", "chosen": [{"role": "bot", "content": "q"}], "rejected": "b"}"#,
      #"F: line 2, key chosen[0].role: expected one of system, user, assistant, found string "bot"."#
    ),
    (
      #"{"query": "q", "image": "i", "response": ["a", "b"], "human_ranking": [1, 1]}"#,
      "F: line 2, key human_ranking: expected two different ranks, [0, 1] or [1, 0], found array [1, 1]."
    ),
    (
      #"{"query": "q", "response": ["a", "b"], "human_ranking": [1, 0]}"#,
      "F: line 2, key image: expected a value, found no such key."
    ),
    (
      #"{"winner": "model_a", "turn": 2, "conversation_a": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "conversation_b": []}"#,
      "F: line 2, key conversation_a: expected an answer of the assistant in turn 2, found 2 messages."
    ),
    (
      #"{"prompt": "q", "choosen": "a", "rejectd": "b"}"#,
      "F: line 2: expected prompt, chosen and rejected; or query, response and human_ranking; or conversation_a and winner; or question, response_A, response_B and label; or input, output_1, output_2 and label; or prompt, response_1, response_2 and preference_strength, found prompt, choosen, rejectd. Is choosen meant to be chosen?"
    ),
  ]) func badLines(line: String, message: String) throws {
    // What has no remedy of its own has that of any bad line.
    let hasOwn = message.hasSuffix("?") || message.hasSuffix(".md.")
    let remedy = hasOwn ? "" : " Correct it, or leave such lines out: data.skipBad: true, or --skip-bad."
    #expect(try refusal(line) == message + remedy)
  }

  @Test func aVoteForNobody() throws {
    #expect(try refusal(vote("model_c", turn: 1)).contains("key winner: expected model_a, model_b or tie"))
    #expect(try refusal(vote("model_a", turn: 0)).contains("key turn: expected a turn, counted from 1"))
  }

  @Test func badLinesAreSkippedAndCounted() throws {
    let good = #"{"prompt": "q", "chosen": "a", "rejected": "b"}"#
    try withLines([good, "[1]", good, #"{"prompt": "q"}"#]) { path in
      let set = try PreferenceSet(path, skipBad: true)
      #expect(set.examples.count == 2)
      #expect(set.skipped.map(\.line) == [2, 4])
      #expect(set.skipped[0].reason.contains("expected a JSON object, found array [1]"))
      #expect(set.remarks.first?.hasPrefix("2 lines are left out") == true)
    }
    try withLines(["[1]"]) { path in
      #expect(throws: InputError.self) { try PreferenceSet(path, skipBad: true) }
    }
  }

  @Test func limitsAreRandomButRepeat() throws {
    let lines = (0..<50).map { "{\"id\": \($0), \"prompt\": \"q\", \"chosen\": \"a\", \"rejected\": \"b\"}" }
    try withLines(lines) { path in
      func ids(_ seed: UInt64) throws -> [Int] {
        try PreferenceSet(path, limit: 10, seed: seed).examples.compactMap { Int($0.id) }
      }
      let first = try ids(1)
      #expect(first.count == 10)
      #expect(first == first.sorted())
      #expect(first != Array(0..<10))
      let again = try ids(1), other = try ids(2)
      #expect(again == first)
      #expect(other != first)
    }
  }

  // MARK: Real files

  private static let data = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../../shared/data/prometheus_scored").standardized.path

  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: data), "no \(data)"),
    arguments: [("autoj_pairs", 1019, 1), ("hhh_pairs", 221, 0)])
  func realPairs(name: String, count: Int, undecidable: Int) throws {
    let set = try PreferenceSet("\(Self.data)/\(name).jsonl")
    #expect(set.examples.count == count)
    #expect(set.examples.count { $0.isUndecidable } == undecidable)
    let rewardModel = RuleRewardModel { Double($0.response.count) }
    let evaluation = try PreferenceEvaluation(set, rewardModel)
    let report = PreferenceReport(rewardModel: rewardModel.name, evaluation.outcomes)
    #expect(report.total.examples == count)
    #expect((0.2..<0.8).contains(report.total.accuracy))
    #expect(report.average == nil)
  }
}
