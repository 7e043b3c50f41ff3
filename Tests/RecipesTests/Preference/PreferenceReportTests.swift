// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import Testing

/// Against numpy (`Tests/Fixtures/preferences/make.py`).
@Suite struct PreferenceReportTests {
  private let expected: JSONReader

  init() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/preferences/expected.json").standardized.path
    expected = try JSONReader(file: path)
  }

  private func compare(
    _ figures: [PreferenceReport.Figure], _ value: (PreferenceReport.Figure) -> Double, _ expected: JSONReader
  ) throws {
    let expected = try numbers(expected)
    #expect(Set(figures.map(\.name)) == Set(expected.keys))
    for figure in figures {
      let wanted = try #require(expected[figure.name])
      #expect(abs(value(figure) - wanted) < 1e-12, "\(figure.name): \(value(figure)), expected \(wanted)")
    }
  }

  @Test func pairs() throws {
    let expected = try expected.at("pairs")
    let report = PreferenceReport(rewardModel: "numpy", try outcomes(try expected.at("rows").elements()))
    try compare(report.subsets, \.accuracy, try expected.at("shared"))
    try compare(report.subsets, \.official, try expected.at("strict"))
    try compare(report.sections, \.official, try expected.at("sections"))
    try compare(report.sections, \.accuracy, try expected.at("sharedSections"))
    let average = try #require(report.average), wanted = try expected.at("average").double()
    #expect(abs(average.official - wanted) < 1e-12)
    #expect(report.ties == (try expected.int(at: "ties")) && report.ties > 10)
    #expect(report.languages.isEmpty)
    #expect(report.languageTable == nil)
  }

  @Test func bestOfFourAndTies() throws {
    let expected = try expected.at("second")
    let outcomes = try outcomes(try expected.at("rows").elements())
    let report = PreferenceReport(rewardModel: "numpy", outcomes)
    try compare(report.subsets, \.official, try expected.at("subsets"))
    let average = try #require(report.average), wanted = try expected.at("average").double()
    #expect(abs(average.accuracy - wanted) < 1e-12)
    #expect(report.sections.isEmpty)

    let ties = try #require(TiesScore(outcomes.filter { $0.example.subset == "Ties" }))
    let parts = try numbers(try expected.at("ties"))
    let found = [
      "tied": ties.tiedAccuracy, "reference": ties.referenceAccuracy, "preferred": ties.preferred,
      "hard": ties.preferredHard, "margin": ties.marginScore, "overall": ties.overall,
    ]
    for (name, value) in found {
      let wanted = try #require(parts[name])
      #expect(abs(value - wanted) < 1e-12, "\(name): \(value), expected \(wanted)")
    }
  }

  @Test func tiesWithoutIdsHavePlainAccuracy() {
    func outcome(_ id: String, _ chosen: [Double], _ rejected: [Double]) -> PreferenceOutcome {
      func requests(_ scores: [Double]) -> [RewardRequest] {
        scores.map { RewardRequest(prompt: "p", response: "\($0)") }
      }
      return PreferenceOutcome(
        PreferenceExample(id: id, subset: "Ties", chosen: requests(chosen), rejected: requests(rejected)),
        PreferenceScores(chosen: chosen, rejected: rejected))
    }
    let report = PreferenceReport(rewardModel: "j", [outcome("1", [2, 3], [1]), outcome("2", [2, 3], [2.5])])
    #expect(report.subsets[0].accuracy == 0.5)
    #expect(
      report.notes == [
        "Ties: plain accuracy, all right answers above all wrong ones; its own score needs ids ref:n and tied:n."
      ])
    #expect(TiesScore([outcome("ref:1", [2], [1]), outcome("tied:2", [2], [1])]) == nil)
  }

  @Test func creditOfTies() {
    func scores(_ chosen: [Double], _ rejected: [Double]) -> PreferenceScores {
      PreferenceScores(chosen: chosen, rejected: rejected)
    }
    #expect(scores([1], [1]).credit == 0.5)
    #expect(scores([1], [1]).officialCredit == 0)
    #expect(scores([1], [1]).isTie)
    #expect(scores([2], [1]).credit == 1)
    #expect(scores([1], [2]).credit == 0)
    let three = scores([2], [2, 2, 1])
    #expect(three.credit == 1.0 / 3)
    #expect(three.officialCredit == 1.0 / 3)
    #expect(scores([2], [2, 3, 1]).credit == 0)
    #expect(scores([2, 3], [2]).credit == 0)
    #expect(scores([2, 3], [1]).credit == 1)
  }

  /// Half the interval is 1.96 standard errors of a weighted mean of independent subsets.
  @Test func intervals() throws {
    let outcomes = (0..<600).map { index in
      let subset = index % 3 == 0 ? "math-prm" : "hep-cpp"
      // math-prm is right in 80 %, hep-cpp in 50 %.
      let isRight = index % 3 == 0 ? index % 15 != 0 : index % 2 == 0
      return PreferenceOutcome(
        PreferenceExample(
          id: "\(index)", subset: subset, chosen: [RewardRequest(prompt: "p", response: "a")],
          rejected: [RewardRequest(prompt: "p", response: "b")]),
        PreferenceScores(chosen: [isRight ? 1 : 0], rejected: [0.5]))
    }
    let report = PreferenceReport(
      rewardModel: "j", outcomes, bootstrap: Bootstrap(resamples: 4000, method: .percentile))
    let section = try #require(report.sections.first), interval = try #require(section.interval)
    let weights = (984.0 / 1148, 164.0 / 1148)
    #expect(abs(section.accuracy - (weights.0 * 0.8 + weights.1 * 0.5)) < 1e-12)
    let error = (weights.0 * weights.0 * 0.16 / 200 + weights.1 * weights.1 * 0.25 / 400).squareRoot()
    let half = (interval.high - interval.low) / 2
    #expect(abs(half / (1.96 * error) - 1) < 0.05)
    #expect(interval.contains(section.accuracy))
    let again = PreferenceReport(
      rewardModel: "j", outcomes, bootstrap: Bootstrap(resamples: 4000, method: .percentile))
    #expect(again.sections == report.sections)
  }

  @Test func languagesHaveTheirOwnFigures() throws {
    let outcomes = [("deu_Latn", 1.0), ("deu_Latn", 0), ("vie_Latn", 1), ("vie_Latn", 1)].enumerated().map {
      PreferenceOutcome(
        PreferenceExample(
          id: "\($0)", subset: "hep-go", chosen: [RewardRequest(prompt: "p", response: "a")],
          rejected: [RewardRequest(prompt: "p", response: "b")], language: $1.0),
        PreferenceScores(chosen: [$1.1], rejected: [0.5]))
    }
    let report = PreferenceReport(rewardModel: "j", outcomes)
    #expect(report.languages.map(\.name) == ["deu_Latn", "vie_Latn"])
    #expect(report.languages.map(\.report.total.accuracy) == [0.5, 1])
    #expect(report.total.accuracy == 0.75)
    let table = try #require(report.languageTable)
    #expect(table.columns.map(\.title) == ["language", "examples", "Reasoning", "all"])
    #expect(table.rows.count == 2)
    #expect(report.json["languages"]?["deu_Latn"]?["all"]?["accuracy"] == .double(0.5))
  }

  @Test func tableAndJSON() throws {
    let report = PreferenceReport(
      rewardModel: "numpy", try outcomes(try expected.at("pairs").at("rows").elements()))
    // 23 subsets, 4 sections, the average, and all.
    #expect(report.table.rows.count == 29 && report.table.rows[5][0].text == "Chat")
    #expect(report.table.notes.contains { $0.contains("prior sets are left out") })
    #expect(report.json["sections"]?["Safety"]?["official"] == .double(report.sections[2].official))
    #expect(report.json["average"]?["low"] != nil)
  }
}
