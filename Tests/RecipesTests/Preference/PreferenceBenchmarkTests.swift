// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import TestSupport
import Testing
import TokenData

/// RM-Bench, JudgeBench, LLMBar and HelpSteer2-Preference: their formats, and what they make of scores.
@Suite struct PreferenceBenchmarkTests {
  private func file<R>(_ name: String, _ text: String, _ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      let path = folder + "/" + name
      try makeFolders(parentFolder(of: path))
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return try body(path)
    }
  }

  private func refusal(_ text: String) throws -> String {
    try file("data.json", text) { path in
      do {
        _ = try PreferenceSet(path)
        return "nothing was thrown"
      } catch { return "\(error)".replacing(path, with: "F") }
    }
  }

  // MARK: RM-Bench

  /// One example of a score for each style, its responses named by where they stand.
  private func styled(_ number: Int, domain: String) -> JSON {
    func texts(_ side: String) -> JSON { .array((0..<3).map { .string("\(number) \(side) \($0)") }) }
    return [
      "id": .string("r\(number)"), "prompt": "q", "chosen": texts("c"), "rejected": texts("r"),
      "domain": .string(domain),
    ]
  }

  /// Values of the float64 fixture, made with torch's triangles of the matrix of wins.
  @Test func rmBench() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/sequences/evaluation.json").standardized.path
    let expected = try JSONReader(file: path).at("rm_bench")
    var scores = [String: Double](), items = [JSON]()
    for (number, item) in try expected.at("items").elements().enumerated() {
      items.append(styled(number, domain: try item.string(at: "domain")))
      for (side, key) in [("c", "chosen"), ("r", "rejected")] {
        for (style, score) in try item.at(key).elements().enumerated() {
          scores["\(number) \(side) \(style)"] = try score.double()
        }
      }
    }
    let report = try file("total_dataset.json", JSON.array(items).text()) { path in
      let set = try PreferenceSet(path)
      #expect(set.examples.map(\.id) == items.indices.map { "r\($0)" })
      #expect(set.examples.allSatisfy { $0.benchmark == .rmBench })
      #expect(set.examples.map(\.subset) == ["chat", "chat", "code", "math", "safety", "safety"])
      let evaluation = try PreferenceEvaluation(set, RuleRewardModel { scores[$0.response] ?? .nan })
      return PreferenceReport(rewardModel: "m", evaluation.outcomes)
    }
    for domain in ["chat", "code", "math", "safety"] {
      for level in ["hard", "normal", "easy"] {
        let wanted = try expected.at("domains").at(domain).double(at: level)
        let found = try #require(report.subsets.first { $0.name == "\(domain) \(level)" })
        #expect(abs(found.official - wanted) < 1e-12, "\(domain) \(level)")
      }
    }
    let average = try #require(report.average), wanted = try expected.double(at: "overall")
    #expect(abs(average.official - wanted) < 1e-12)
    #expect(average.name == "average of the domains")
    // The second example has the same scores on both sides: half of its own comparisons at equal style.
    let normal = try #require(report.subsets.first { $0.name == "chat normal" })
    #expect(normal.accuracy == 0.75 && normal.official == 0.5)
    #expect(report.ties == 3)
    #expect(report.sections.map(\.name) == ["chat", "code", "math", "safety", "hard", "normal", "easy"])
    #expect(report.sections.map(\.examples) == [2, 1, 1, 2, 6, 6, 6])
    #expect(report.total.examples == 6)
    // Each level stands below its domain, once.
    #expect(report.table.rows.count == 12 + 7 + 2)
    #expect(report.table.rows[0][0].text == "  chat easy" && report.table.rows[3][0].text == "chat")
  }

  /// Without its fields this was one comparison, right if every chosen response is above every rejected one.
  @Test func rmBenchIsNotManyRightAnswers() throws {
    let items = JSON.array([styled(0, domain: "chat-hard"), styled(1, domain: "math")])
    try file("chat_filtered.json", items.indentedForTests) { path in
      let outcomes = try PreferenceEvaluation(
        PreferenceSet(path), RuleRewardModel { $0.response.contains("c 0") ? 0 : $0.response.contains("c") ? 2 : 1 }
      ).outcomes
      let report = PreferenceReport(rewardModel: "m", outcomes)
      // A plain chosen response loses to all: 2 of 3 hard, 2 of 3 normal, all easy.
      #expect(
        report.subsets.map(\.name) == [
          "chat easy", "chat hard", "chat normal", "math easy", "math hard", "math normal",
        ])
      #expect(abs(report.total.accuracy - 6.0 / 9) < 1e-12)
      #expect(report.subsets[0].accuracy == 1 && abs(report.subsets[1].accuracy - 1.0 / 3) < 1e-12)
      // Two of four domains are there.
      #expect(report.average == nil)
    }
  }

  @Test(arguments: [
    (
      #"[{"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "kind": "chat"}]"#,
      "F: line 1: expected beside 3 chosen responses a domain (RM-Bench: one response a style), or subset or "
        + "num_correct (RewardBench 2: several that are right), found prompt, chosen, rejected, kind. They are counted "
        + "differently: docs/reward-benchmarks.md."
    ),
    (
      #"[{"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e"], "domain": "chat"}]"#,
      "F: line 1, key rejected: expected 3 responses: short, detailed, and detailed with Markdown, found 2."
    ),
    (
      #"[{"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "domain": "poems"}]"#,
      #"F: line 1, key domain: expected a domain that begins with chat, code, math, safety, found string "poems"."#
    ),
    (
      #"{"question": "q", "response_A": "a", "response_B": "b", "label": "A=B"}"#,
      #"F: line 1, key label: expected A>B or B>A, found string "A=B"."#
    ),
    (
      #"{"input": "q", "output_1": "a", "output_2": "b", "label": 0}"#,
      "F: line 1, key label: expected 1 or 2, found number 0."
    ),
    (
      #"{"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": 4}"#,
      "F: line 1, key preference_strength: expected a strength of −3 … 3, found number 4."
    ),
    (
      #"{"prompt": "q", "response": "a", "helpfulness": 4}"#,
      "F: line 1: expected prompt, chosen and rejected; or query, response and human_ranking; or conversation_a and "
        + "winner; or question, response_A, response_B and label; or input, output_1, output_2 and label; or prompt, "
        + "response_1, response_2 and preference_strength, found prompt, response, helpfulness. "
        + "Is response meant to be response_A?"
    ),
  ]) func refused(text: String, message: String) throws {
    // What has no remedy of its own has that of any bad line.
    let hasOwn = message.hasSuffix("?") || message.hasSuffix(".md.")
    let remedy = hasOwn ? "" : " Correct it, or leave such lines out: data.skipBad: true, or --skip-bad."
    #expect(try refusal(text) == message + remedy)
  }

  // MARK: The others

  private func longest(_ path: String) throws -> PreferenceReport {
    let outcomes = try PreferenceEvaluation(PreferenceSet(path), RuleRewardModel { Double($0.response.count) }).outcomes
    return PreferenceReport(rewardModel: "length", outcomes)
  }

  @Test func judgeBench() throws {
    let rows = [
      ("mmlu-pro-math", "A>B", "aa", "b"), ("mmlu-pro-law", "B>A", "aa", "b"), ("mmlu-pro-law", "B>A", "a", "bb"),
      ("livebench-reasoning", "A>B", "a", "bb"), ("livebench-math", "A>B", "a", "b"),
      ("livecodebench", "B>A", "a", "bb"),
    ]
    let lines = rows.enumerated().map { index, row in
      """
      {"pair_id": "p\(index)", "original_id": 1, "source": "\(row.0)", "question": "q", "response_model": "m", \
      "response_A": "\(row.2)", "response_B": "\(row.3)", "label": "\(row.1)"}
      """
    }
    try file("dataset=judgebench,response_model=m.jsonl", lines.joined(separator: "\n")) { path in
      let set = try PreferenceSet(path)
      #expect(set.examples[1].chosen == [RewardRequest(prompt: "q", response: "b")] && set.examples[1].id == "p1")
      let report = try longest(path)
      #expect(report.sections.map(\.name) == ["Knowledge", "Reasoning", "Math", "Coding"])
      // Of all pairs: 1, 0, 1, 0, a tie, 1.
      #expect(report.sections[0].accuracy == 2.0 / 3 && report.sections[0].parts == ["mmlu-pro-law", "mmlu-pro-math"])
      #expect(abs(report.total.accuracy - 3.5 / 6) < 1e-12 && report.total.official == 0.5)
      #expect(report.average == nil)
    }
  }

  @Test func llmBar() throws {
    func example(_ label: Int) -> String { #"{"input": "q", "output_1": "aa", "output_2": "b", "label": \#(label)}"# }
    try withTemporaryFolder { folder in
      let sets = [("Natural", [1]), ("Adversarial/Neighbor", [1, 2]), ("Adversarial/GPTInst", [2])]
      for (name, labels) in sets {
        try makeFolders("\(folder)/\(name)")
        let text = "[\n" + labels.map(example).joined(separator: ",\n") + "\n]"
        try text.write(toFile: "\(folder)/\(name)/dataset.json", atomically: true, encoding: .utf8)
      }
      try example(1).write(toFile: "\(folder)/manual.jsonl", atomically: true, encoding: .utf8)
      let set = try PreferenceSet(
        DataSource(["\(folder)/Natural/dataset.json", "\(folder)/Adversarial/*/dataset.json", "\(folder)/manual.jsonl"])
      )
      #expect(set.examples.map(\.subset) == ["Natural", "GPTInst", "Neighbor", "Neighbor", "Manual"])
      #expect(set.examples[1].chosen == [RewardRequest(prompt: "q", response: "b")])
      let outcomes = try PreferenceEvaluation(set, RuleRewardModel { Double($0.response.count) }).outcomes
      let report = PreferenceReport(rewardModel: "length", outcomes)
      // The sets count alike, whatever their sizes: ½, 0 and 1.
      #expect(report.sections.map(\.name) == ["Adversarial"] && report.sections[0].accuracy == 0.5)
      #expect(report.sections[0].examples == 4)
    }
  }

  @Test func helpSteer2() throws {
    let lines = [
      #"{"prompt": "q", "response_1": "aa", "response_2": "b", "preference_strength": -2, "split": "val"}"#,
      #"{"prompt": "q", "response_1": "aa", "response_2": "b", "preference_strength": 0, "split": "val"}"#,
      #"{"prompt": "q\n<extra_id_1>Assistant\nx\n<extra_id_1>User\nmore", "response_1": "aa", "response_2": "b", "preference_strength": 3, "split": "train"}"#,
    ]
    try file("preference.jsonl", lines.joined(separator: "\n")) { path in
      let set = try PreferenceSet(path)
      #expect(set.humanTies == 1)
      #expect(set.examples.map(\.subset) == ["val, strength 2", "train, strength 3"])
      #expect(set.examples.map(\.margin) == [2, 3])
      #expect(set.examples[0].chosen[0].response == "aa" && set.examples[1].chosen[0].response == "b")
      let turns = [ChatMessage(.user, "q"), ChatMessage(.assistant, "x"), ChatMessage(.user, "more")]
      #expect(set.examples[1].chosen[0].messages == turns)
      #expect(try longest(path).total.accuracy == 0.5)
    }
  }
}

extension JSON {
  /// An array as files have it, an element a few lines.
  fileprivate var indentedForTests: String {
    guard case .array(let elements) = self else { return text() }
    return "[\n" + elements.map { $0.text().replacing(", \"", with: ",\n \"") }.joined(separator: ",\n") + "\n]\n"
  }
}
