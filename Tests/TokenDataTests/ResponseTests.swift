// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Testing
import TokenData

/// Records of responses to prompts, and what is made of them.
@Suite struct ResponseTests {
  private func records(_ json: String, _ reader: ResponseReader = ResponseReader()) throws -> [ResponseRecord] {
    try withFile(json + "\n", name: "train.jsonl") { path in try reader.records(try JSONLFile(path), 0) }
  }

  private func record(_ json: String, _ reader: ResponseReader = ResponseReader()) throws -> ResponseRecord {
    let all = try records(json, reader)
    return try #require(all.count == 1 ? all[0] : nil)
  }

  // MARK: Formats

  @Test func textsByTRLsNames() throws {
    let pair = try record(#"{"prompt": "p", "chosen": " a", "rejected": " b", "margin": 2, "weight": 0.5, "id": 7}"#)
    #expect(pair.responses.map(\.content) == [.promptCompletion("p", " a"), .promptCompletion("p", " b")])
    #expect(pair.worth == .preference)
    #expect(pair.margin == 2)
    #expect(pair.weight == 0.5)
    #expect(pair.source == "train.jsonl line 1")
    #expect(pair.id == "7")
    #expect(
      try record(#"{"prompt": "p", "chosen": "a", "rejected": "b", "probability": 0.7}"#).worth
        == .preference(probability: 0.7))
    let single = try record(#"{"prompt": "p", "completion": "a", "label": false}"#)
    #expect(single.responses.map(\.content) == [.promptCompletion("p", "a")])
    #expect(single.worth == .label(false))
    let group = try record(#"{"prompt": "p", "completions": ["a", "b", "c"], "scores": [1, -0.5, 3]}"#)
    #expect(group.responses.count == 3)
    #expect(group.worth == .scores([1, -0.5, 3]))
    let labelled = try record(
      #"{"prompt": "p", "completions": ["a", "b"], "labels": [true, false]}"#, ResponseReader(format: .group))
    #expect(labelled.worth == .scores([1, 0]))
  }

  @Test func messages() throws {
    let user = #"{"role": "user", "content": "u"}"#
    func said(_ text: String) -> String { "{\"role\": \"assistant\", \"content\": \"\(text)\"}" }
    let expected = ["a", "b"].map { Record.Content.messages([ChatMessage(.user, "u"), ChatMessage(.assistant, $0)]) }
    let lines = [
      "{\"prompt\": [\(user)], \"chosen\": [\(said("a"))], \"rejected\": [\(said("b"))]}",
      // The prompt is what both begin with, also where it is there as text once more.
      "{\"chosen\": [\(user), \(said("a"))], \"rejected\": [\(user), \(said("b"))]}",
      "{\"prompt\": \"u\", \"chosen\": [\(user), \(said("a"))], \"rejected\": [\(user), \(said("b"))]}",
      "{\"prompt\": [\(user)], \"chosen\": \"a\", \"rejected\": \"b\"}",
    ]
    for line in lines {
      let record = try record(line)
      #expect(record.responses.map(\.content) == expected, "\(line)")
      #expect(record.responses.map(\.promptMessages) == [1, 1], "\(line)")
    }
  }

  /// Back to the last white space, which the responses keep: no word is cut through.
  @Test func textsThatBeginAlike() throws {
    let pair = try record(#"{"chosen": "The sky is grey.", "rejected": "The sky is green."}"#)
    #expect(
      pair.responses.map(\.content)
        == [.promptCompletion("The sky is", " grey."), .promptCompletion("The sky is", " green.")])
    let apart = try record(#"{"chosen": "yes", "rejected": "no"}"#)
    #expect(apart.responses.map(\.content) == [.promptCompletion("", "yes"), .promptCompletion("", "no")])
  }

  @Test func preferencesAreUnpairedOnRequest() throws {
    let pair = #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#
    let both = try records(pair, ResponseReader(format: .unpaired))
    #expect(both.map(\.worth) == [.label(true), .label(false)])
    #expect(both.flatMap(\.responses).map(\.content) == [.promptCompletion("p", "a"), .promptCompletion("p", "b")])
  }

  @Test func helpSteer2() throws {
    func line(_ strength: Int) -> String {
      "{\"split\": \"train\", \"prompt\": \"p\", \"response_1\": \"a\", \"response_2\": \"b\", "
        + "\"preference_strength\": \(strength)}"
    }
    let first = try record(line(-2)), second = try record(line(3))
    #expect(first.responses.map(\.content) == [.promptCompletion("p", "a"), .promptCompletion("p", "b")])
    #expect(first.margin == 2)
    #expect(second.responses.map(\.content) == [.promptCompletion("p", "b"), .promptCompletion("p", "a")])
    #expect(second.margin == 3)
    expectRefusal("line 1", "preference_strength", "neither", "data.ties: skip") { _ = try records(line(0)) }
    #expect(try records(line(0), ResponseReader(skipsTies: true)).isEmpty)
    #expect(try records(line(1), ResponseReader(split: "validation")).isEmpty)
    expectRefusal("preference_strength") { _ = try records(line(4)) }
  }

  @Test(arguments: [
    (#"{"prompt": "p", "completions": ["a"], "labels": [true]}"#, "stepwise"),
    (#"{"prompt": "p", "completion": "a"}"#, "objective.preset: sft"),
    (#"{"text": "t"}"#, "objective.preset: sft"),
    (#"{"prompt": "p", "chosen": "a"}"#, "both chosen and rejected"),
    (#"{"prompt": "p", "chosen": "a", "rejected": "a"}"#, "found the same"),
    (#"{"prompt": "p", "chosen": "a", "rejected": " "}"#, "an empty one"),
    (
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "probability": 1.5}"#,
      "a probability from 0 to 1, found number 1.5"
    ),
    (#"{"prompt": "p", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}"#, "dist2 evaluate RUN --pairs FILE"),
    (#"{"prompt": "p", "completion": "a", "label": 1}"#, "true or false"),
    (#"{"prompt": "p", "completions": ["a"], "scores": [1]}"#, "at least two responses"),
    (#"{"prompt": "p", "completions": ["a", "b"], "scores": [1]}"#, "each of 2 responses"),
    (#"{"prompt": "p", "completions": ["a", "b"], "overall_scores": [1, 2]}"#, "overall_scores meant to be scores"),
    (#"{"prompt": "p", "chosen": "a", "rejected": [{"role": "assistant", "content": "b"}]}"#, "as the other response"),
    (
      #"{"prompt": [{"role": "user", "content": "u"}], "completion": [{"role": "user", "content": "b"}], "label": true}"#,
      "assistant"
    ),
  ]) func whatDoesNotFitIsRefused(line: String, fragment: String) {
    expectRefusal("train.jsonl", "line 1", fragment) { _ = try records(line) }
  }

  /// A record of another format than the one that is asked for is called by its name.
  @Test func formatsThatAreAskedFor() throws {
    let pair = #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#
    let group = #"{"prompt": "p", "completions": ["a", "b"], "scores": [1, 2]}"#
    expectRefusal("line 1", "those of group", "data.records: group") {
      _ = try records(group, ResponseReader(format: .preference))
    }
    expectRefusal("line 1", "those of preference", "data.records: preference") {
      _ = try records(pair, ResponseReader(format: .group))
    }
    expectRefusal("line 1", "stepwise") {
      _ = try records(
        #"{"prompt": "p", "completions": ["a"], "labels": [true]}"#, ResponseReader(format: .preference))
    }
    #expect(try record(group, ResponseReader(format: .group)).worth == .scores([1, 2]))
  }

  // MARK: Numbers of tokens

  @Test func numbersGivenWithTokens() throws {
    let reader = ResponseReader(readsTokenValues: true)
    let line =
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "chosen_weights": [0.5, 1], "rejected_weights": [0], "#
      + #""chosen_rewards": [-1, 2], "chosen_divergence_weights": null}"#
    let pair = try record(line, reader)
    #expect(
      pair.tokens.map(\.values) == [TokenValues(weights: [0.5, 1], rewards: [-1, 2]), TokenValues(weights: [0])])
    #expect(try record(line).tokens.map(\.values) == [TokenValues(), TokenValues()])
    // A preference that is unpaired hands them on.
    let both = try records(line, ResponseReader(format: .unpaired, readsTokenValues: true))
    #expect(both.map(\.tokens) == pair.tokens.map { [$0] })
    let group = try record(
      #"{"prompt": "p", "completions": ["a", "b"], "scores": [1, 2], "completions_rewards": [[1], [2, 3]]}"#, reader)
    #expect(group.tokens.map(\.values.rewards) == [[1], [2, 3]])
    let steer = try record(
      #"{"prompt": "p", "response_1": "a", "response_2": "b", "preference_strength": 2, "response_1_weights": [1]}"#,
      reader)
    #expect(steer.tokens.map(\.values.weights) == [nil, [1]])
    for (given, fragment) in [
      (#""chosen_weights": 1"#, "chosen_weights"), (#""chosen_weights": [1e300]"#, "a number"),
      (#""rejected_rewards": [null]"#, "rejected_rewards[0]"),
    ] {
      expectRefusal("line 1", fragment) {
        _ = try records(#"{"prompt": "p", "chosen": "a", "rejected": "b", \#(given)}"#, reader)
      }
    }
    expectRefusal("completions_weights", "each of 2 responses", "found 1") {
      _ = try records(
        #"{"prompt": "p", "completions": ["a", "b"], "scores": [1, 2], "completions_weights": [[1]]}"#, reader)
    }
  }

  /// As many as the response has learnt tokens; they stay with their tokens where responses are cut.
  @Test func numbersBelongToTokens() throws {
    let encoder = ExampleEncoder(try fixtureTokenizer("gpt2"), end: 0)
    func line(_ weights: String) -> String {
      #"{"prompt": "one two three", "chosen": " 1 2 3 4", "rejected": " 5", "chosen_weights": \#(weights), "#
        + #""rejected_weights": [7, 8]}"#
    }
    func dataset(_ length: Int, _ tooLong: Dataset.TooLong, _ weights: String = "[1, 2, 3, 4, 5]") throws
      -> [TokenValues]
    {
      try withFile(line(weights)) { path in
        let rules = ResponseDataset.Rules(
          reader: ResponseReader(readsTokenValues: true), encoder: encoder, maxLength: length, tooLong: tooLong)
        return try #require(ResponseDataset(path, rules).examples[0].responses).tokens
      }
    }
    let whole = [TokenValues(weights: [1, 2, 3, 4, 5]), TokenValues(weights: [7, 8])]
    #expect(try dataset(9, .error) == whole)
    #expect(try dataset(7, .cutPrompt) == whole)
    #expect(try dataset(7, .cutAnswer) == [TokenValues(weights: [1, 2, 3]), TokenValues(weights: [7, 8])])
    expectRefusal("data.jsonl", "line 1, chosen_weights", "5 numbers", "found 4", "dist2 inspect") {
      _ = try dataset(9, .error, "[1, 2, 3, 4]")
    }
  }

  // MARK: Encoding

  @Test func documentsAreThoseOfEachResponse() throws {
    let encoder = ExampleEncoder(try fixtureTokenizer("gpt2"), end: 0)
    let pair = try record(#"{"prompt": "7 + 8 =", "chosen": " 15", "rejected": " 16, no", "weight": 2}"#)
    let example = try encoder.encode(pair)
    for (index, response) in pair.responses.enumerated() {
      let alone = try encoder.encode(response)
      #expect(example.document(index).ids == alone.ids)
      #expect(example.document(index).supervised == alone.supervised)
    }
    #expect(example.documents.count == 2)
    #expect(example.responses == Responses(.preference, weight: 2))
    #expect(example.comparison == 0)
  }

  /// "It is t" and "he" would be one word: the other response is cut apart from the prompt as well, so that both begin
  /// with the same tokens, and its own are those of a text that stands by itself.
  @Test(arguments: ["gpt2", "llama2"]) func aPromptsEndIsDecidedOnce(name: String) throws {
    let encoder = ExampleEncoder(try fixtureTokenizer(name), end: nil)
    let prompt = encoder.prompt("It is t")
    func pair(_ chosen: String, _ rejected: String) throws -> EncodedExample {
      try encoder.encode(
        ResponseRecord(
          [chosen, rejected].map { Record(.promptCompletion("It is t", $0)) }, .preference, source: "s"))
    }
    let example = try pair("he", " x y")
    for index in 0..<2 { #expect(Array(example.document(index).ids.prefix(prompt.count)) == prompt) }
    let apart = Array(example.document(1).ids.dropFirst(prompt.count))
    let swapped = try pair(" x y", "he")
    #expect(Array(swapped.document(0).ids.dropFirst(prompt.count)) == apart)
    #expect(encoder.tokenizer.encode(" x y", addSpecialTokens: false).ids == apart)
    // Where no response merges with the prompt, all are cut together with it.
    #expect(try pair(" x y", " z").document(0).ids == encoder.encode(prompt: "It is t", answer: " x y").ids)
  }

  @Test func filesAreReadWhole() throws {
    let lines = [
      #"{"prompt": "7 + 8 =", "chosen": " 15", "rejected": " 16"}"#,
      #"{"prompt": "p", "chosen": " a"}"#,
      #"{"prompt": "one two three four five six seven", "chosen": " 15 and so on", "rejected": " 16"}"#,
    ]
    let encoder = ExampleEncoder(try fixtureTokenizer("gpt2"), end: 0)
    func dataset(_ length: Int, _ tooLong: Dataset.TooLong, skipBad: Bool = true) throws -> ResponseDataset {
      try withFile(lines.joined(separator: "\n")) { path in
        try ResponseDataset(
          path,
          ResponseDataset.Rules(
            reader: ResponseReader(), encoder: encoder, maxLength: length, tooLong: tooLong, skipBad: skipBad))
      }
    }
    expectRefusal("line 2", "both chosen and rejected") { _ = try dataset(100, .error, skipBad: false) }
    let all = try dataset(100, .error)
    #expect(all.examples.count == 2)
    #expect(all.summary.skipped.map(\.line) == [2])
    #expect(all.examples[0].source == "data.jsonl line 1")
    let whole = all.examples[1], longest = try #require(whole.documents.map(\.count).max())
    let skipping = try dataset(longest - 1, .skip)
    #expect(skipping.examples.count == 1)
    #expect(skipping.summary.skipped.map(\.line).sorted() == [2, 3])
    // Both responses lose the same tokens of their prompt.
    let cut = try dataset(longest - 2, .cutPrompt).examples[1]
    for index in 0..<2 {
      #expect(cut.document(index).ids == Array(whole.document(index).ids.dropFirst(2)))
      #expect(cut.document(index).supervised == Array(whole.document(index).supervised.dropFirst(2)))
    }
    #expect(cut.responses == whole.responses)
    let ended = try dataset(longest - 2, .cutAnswer).examples[1]
    #expect(ended.document(0).ids == Array(whole.document(0).ids.dropLast(2)))
    #expect(ended.document(1).ids == Array(whole.document(1).ids.prefix(longest - 2)))
  }
}
