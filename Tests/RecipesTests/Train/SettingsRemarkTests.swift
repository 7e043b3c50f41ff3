// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import Training

/// What users are told of settings and data that are not what they think.
@Suite struct SettingsRemarkTests {
  private func data(_ answers: [String], _ fields: [String] = []) -> String {
    answers.enumerated().map { index, answer in
      let field = fields.indices.contains(index) ? fields[index] : ""
      return "{\"prompt\": \"\(index) =\", \"completion\": \"\(answer)\"\(field)}\n"
    }.joined()
  }

  private func warnings(_ tiny: TinyRun, _ overrides: String...) throws -> [String] {
    try Inspection(RunArtifacts(tiny.settings(overrides + ["data.valid=null"])), terminal: quiet).warnings
  }

  @Test func settingsWithoutEffectAreNamed() throws {
    let tiny = try TinyRun()
    let digits = try warnings(tiny, "metrics.0.scale=3", "metrics.0.draw=0.5", "objective.preset=dist")
    #expect(digits.contains { $0.contains("scale, draw without effect") }, "\(digits)")
    let whole = try warnings(tiny, "objective.preset=valueDrawn")
    #expect(whole.contains { $0.contains("temperature, contrast without effect") }, "\(whole)")
    // An objective without a distance ignores all of them by design.
    #expect(
      try warnings(tiny, "objective.preset=sft", "metrics.0.scale=3").allSatisfy { !$0.contains("without effect") })
  }

  @Test func oneNumberThatMakesTheRangeIsNamed() throws {
    let answers = (0..<30).map { "\(10 + $0)" }
    let tiny = try TinyRun(data: data(answers + ["99999999"]))
    let found = try warnings(tiny, "objective.preset=value")
    #expect(found.contains { $0.contains("99999999 on line 31") && $0.contains("range: [10, 39]") }, "\(found)")
    #expect(try warnings(TinyRun(data: data(answers)), "objective.preset=value").allSatisfy { !$0.contains("on line") })
  }

  @Test func numbersOfManyDigitsAreRefusedWithTheirLine() throws {
    let tiny = try TinyRun(data: data(["12", String(repeating: "7", count: 41), "15"]))
    let error = #expect(throws: InputError.self) { try tiny.artifacts("objective.preset=value") }
    #expect(error?.description.contains("line 2") == true)
    #expect(error?.description.contains("41 digits") == true)
  }

  @Test func scalesWithoutMeaningAreCounted() throws {
    let boxes = try TinyRun(data: data(["1, 2, 3, 4", "5, 6, 7", "8, 9, 10, 11"]))
    let found = try warnings(boxes, "objective.preset=value", "metrics.0.scale={ box: 0.1 }")
    #expect(found.contains { $0.contains("1 of 3 answers") && $0.contains("boxes") }, "\(found)")
    let signed = try TinyRun(data: data(["-3", "4", "0", "5"]))
    let relative = try warnings(signed, "objective.preset=value", "metrics.0.distance=relative")
    #expect(relative.contains { $0.contains("2 of 4 answers") && $0.contains("relative") }, "\(relative)")
  }

  /// A width of 0 is a bad line like any other.
  @Test func linesWithoutAWidthAreLeftOutOnRequest() throws {
    let answers = (0..<8).map { "\(3 + $0)" }
    let tiny = try TinyRun(data: data(answers, (0..<8).map { ", \"sd\": \($0)" }))
    let overrides = ["objective.preset=value", "metrics.0.scale={ field: sd }", "data.valid=null"]
    let error = #expect(throws: InputError.self) {
      let artifacts = try RunArtifacts(tiny.settings(overrides))
      _ = try artifacts.examples(DataSource(tiny.folder + "/train.jsonl"), limit: nil) { _, _ in }
    }
    #expect(error?.description.contains("line 1") == true)
    #expect(error?.description.contains("above 0") == true)
    let artifacts = try RunArtifacts(tiny.settings(overrides + ["data.skipBad=true"]))
    let kept = try artifacts.examples(DataSource(tiny.folder + "/train.jsonl"), limit: nil) { _, _ in }
    #expect(kept.count == 7)
    #expect(kept.summary.skippedCount == 1)
  }

  /// A line is cut to length if it is not out of all proportion.
  @Test(arguments: ["cutPrompt", "cutAnswer"]) func hugeLinesAreNotCut(_ rule: String) throws {
    let long = String(repeating: "and ", count: 5 << 18)
    let lines = "{\"prompt\": \"1 =\", \"completion\": \"2\"}\n{\"prompt\": \"\(long)\", \"completion\": \"2\"}\n"
    let tiny = try TinyRun(data: lines), overrides = ["data.tooLong=\(rule)", "data.maxLength=14"]
    let error = #expect(throws: InputError.self) {
      _ = try RunArtifacts(tiny.settings(overrides)).dataset(tiny.folder + "/train.jsonl")
    }
    #expect(error?.description.contains("line 2") == true)
    #expect(error?.description.contains("5 MiB") == true)
    let artifacts = try RunArtifacts(tiny.settings(overrides + ["data.skipBad=true"]))
    #expect(try artifacts.dataset(tiny.folder + "/train.jsonl").count == 1)
  }
}
