// SPDX-License-Identifier: Apache-2.0
import Foundation
import Recipes
import Reports
import Testing

@Suite struct InspectionTests {
  @Test func showsTokensTargetsWeightsAndContrastiveTokens() throws {
    let tiny = try TinyRun()
    let inspection = try Inspection(tiny.artifacts("metrics.0.temperature=2"), count: 2, terminal: quiet)
    let text = inspection.text(quiet)
    #expect(text.contains("sum 0"))
    #expect(text.contains("[0]"))
    // "7 + 3 = " → "10": weights 2 and 1, and the mass around 1 falls with distance.
    #expect(text.contains("[1][0]"))
    #expect(text.contains("2.00"))
    #expect(text.contains("10^1"))
    // The validation examples are among those of the training, some sums occur twice, most are 10, and none has zeros in
    // front.
    let known = [
      "of valid are in train as well", "occur a second time", "answers are \"10\"", "digits before the point",
    ]
    let others = inspection.warnings.filter { warning in !known.contains { warning.contains($0) } }
    #expect(others.isEmpty, "\(others)")
    for words in known { #expect(inspection.warnings.contains { $0.contains(words) } == true, "\(words)") }
    let page = inspection.page(command: "dist2 inspect run.yaml").html
    #expect(page.contains("class=\"metric metric-0\""))
    #expect(page.contains("Target around"))
    #expect(page.contains("<svg"))
    #expect(!page.contains("<script"))
  }

  @Test func oneLineCanBeAskedFor() throws {
    let tiny = try TinyRun()
    let text = try Inspection(tiny.artifacts(), line: 3, terminal: quiet).text(quiet)
    #expect(text.contains("train.jsonl line 3"))
    #expect(!text.contains("train.jsonl line 1 "))
    #expect(throws: (any Error).self) { try Inspection(tiny.artifacts(), line: 99, terminal: quiet) }
  }

  @Test(arguments: [
    ("metrics.0.temperature=0.05", "so small"), ("metrics.0.temperature=1000", "so large"),
    ("data.maxLength=10", "lost the beginning of their prompt"),
  ])
  func warnsOfWhatUsuallyGoesWrong(_ override: String, _ warning: String) throws {
    let long = (0..<3).map {
      "{\"prompt\": \"This prompt goes on and on: \($0) + 1 = \", \"completion\": \"\($0 + 1)\"}\n"
    }
    let tiny = try TinyRun(data: long.joined())
    let inspection = try Inspection(tiny.artifacts(override, "data.tooLong=cutPrompt"), terminal: quiet)
    #expect(inspection.warnings.contains { $0.contains(warning) }, "\(inspection.warnings)")
  }

  /// The study's rule is for answers with numbers that are not taught whole.
  @Test func adviseWholeNumbersWhereTheStudyDoes() throws {
    func text(_ overrides: String..., data: String = TinyRun.sums(16)) throws -> String {
      let tiny = try TinyRun(data: data)
      return try withExtendedLifetime(tiny) {
        try Inspection(RunArtifacts(tiny.settings(overrides)), terminal: quiet).text(quiet)
          .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }
    }
    let advised = try text()
    #expect(advised.contains("below about 1000, targets over whole numbers"))
    #expect(advised.contains("--objectives sft,dist,valueDrawn --seeds 5"))
    #expect(try !text("objective.preset=valueDrawn").contains("targets over whole numbers ("))
    #expect(try !text(data: "{\"prompt\": \"a\", \"completion\": \"b\"}\n").contains("targets over whole numbers"))
  }

  /// Zeros in front help where no number has a sign.
  @Test func adviseZerosInFrontOfNumbersWithoutSigns() throws {
    func warnings(_ sign: String) throws -> [String] {
      let lines = (5..<15).map { "{\"prompt\": \"\($0) = \", \"completion\": \"\($0 % 2 == 0 ? sign : "")\($0)\"}\n" }
      let tiny = try TinyRun(data: lines.joined())
      return try withExtendedLifetime(tiny) { try Inspection(tiny.artifacts(), terminal: quiet).warnings }
    }
    #expect(try warnings("").contains { $0.contains("zeros in front") })
    #expect(try !warnings("-").contains { $0.contains("zeros in front") })
  }

  @Test func sayThatNothingWasFound() throws {
    let tiny = try TinyRun(data: "{\"prompt\": \"a\", \"completion\": \"b\"}\n")
    let inspection = try Inspection(tiny.artifacts(), terminal: quiet)
    #expect(inspection.warnings.contains { $0.contains("no metric token found") })
  }
}
