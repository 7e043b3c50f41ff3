// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import Testing
import TokenData

@Suite struct NumberRemarksTests {
  private func run(_ answers: [String]) throws -> TinyRun {
    try TinyRun(data: answers.map { "{\"prompt\": \"x = \", \"completion\": \"\($0)\"}\n" }.joined())
  }

  private func warnings(_ answers: String..., set: String = "objective.alpha=0.1") throws -> [String] {
    let tiny = try run(answers)
    return try withExtendedLifetime(tiny) { try Inspection(tiny.artifacts(set), terminal: quiet).warnings }
  }

  @Test func groupsAreReadAsOneNumberAndSpokenOf() throws {
    let tiny = try run(["1,000", "2,500"]), artifacts = try tiny.artifacts()
    #expect(artifacts.settings.metrics[0].grammar.thousands == .auto)
    let inspection = try Inspection(artifacts, terminal: quiet)
    #expect(
      inspection.warnings.contains {
        $0.contains("2 of 2 answers hold digits in groups (\"1,000\")") && $0.contains("thousands")
      })
    // One number of four digits: weights 4, 3, 2, 1.
    #expect(inspection.text(quiet).contains("4.00"))
    #expect(inspection.text(quiet).contains("10^3"))
  }

  @Test func listsTurnGroupsOffForAllAnswers() throws {
    let tiny = try run(["512,384", "120,640", "51,38"]), artifacts = try tiny.artifacts()
    #expect(artifacts.settings.metrics[0].grammar.thousands == .never)
    #expect(artifacts.settings.resolved.text().contains(#""thousands":"none""#))
    // What a file says is not changed.
    #expect(try tiny.artifacts("metrics.0.grammar.thousands=\",\"").settings.metrics[0].grammar.thousands == .comma)
  }

  @Test func otherFormsAreSpokenOf() throws {
    #expect(try warnings("3,5", "4,5").contains { $0.contains("decimal comma") })
    #expect(try warnings("1.000,50").contains { $0.contains("points between groups") })
    #expect(try warnings("1e3 and 2").contains { $0.contains("scientific notation") })
    #expect(try warnings("5%", "6%").contains { $0.contains("percent") })
    #expect(try warnings("$5").contains { $0.contains("currency") })
    #expect(try warnings("5kg", "6kg").contains { $0.contains("units") })
    #expect(try warnings("5", "6.25").contains { $0.contains("between 0 and 2 decimals") })
    #expect(try warnings("1,000", "1000").contains { $0.contains("without groups") })
    #expect(try warnings("12", "15", set: "data.valid=null").isEmpty)
  }

  @Test func answersBeyondTrainingAreCounted() throws {
    let tiny = try run(["1", "20"]), artifacts = try tiny.artifacts()
    let path = tiny.folder + "/test.jsonl"
    try "{\"prompt\": \"x = \", \"completion\": \"1,000\"}\n".write(toFile: path, atomically: true, encoding: .utf8)
    let result = try Evaluating(artifacts, ModelChoice(tiny.folder + "/run.yaml").load(), artifacts.dataset(path))
    #expect(result.records[0].truth == [1000])
    #expect(result.table("t").notes.contains { $0.contains("right answers hold digits in groups") })
    let far = (result.records[0].values ?? []).contains { $0 > 20 }
    #expect(result.notes.contains { $0.contains("outside the training answers' range, 1 … 20") } == far)
  }
}
