// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing

/// What a comparison says of answers whose figures are known, made up and put into its folder.
@Suite struct ComparisonVerdictTests {
  private static let count = 20

  /// A comparison of sft and dist whose runs hold these answers.
  private func report(
    seeds: Int, metric: String? = nil, reference: (Int) -> String = { "\($0 % 18)" },
    _ answer: (_ isDist: Bool, _ seed: Int, _ index: Int) -> String
  ) throws -> ExperimentReport {
    let tiny = try TinyRun()
    let folder = try ExperimentFolder(
      tiny.folder + "/compare",
      ComparisonExperiment(tiny.settings(), objectives: [.sft, .dist], seeds: Array(1...seeds), metric: metric))
    for seed in 1...seeds {
      for isDist in [false, true] {
        let records = (0..<Self.count).map { index in
          let text = answer(isDist, seed, index), truth = reference(index)
          return PredictionRecord(
            id: "\(index)", prompt: "", reference: truth, text: text, truth: Double(truth).map { [$0] } ?? [],
            values: Double(text).map { [$0] })
        }
        let encoded = String(decoding: try JSONEncoder().encode(records), as: UTF8.self)
        let json =
          "{\"records\": \(encoded), \"training\": [], \"validation\": [], \"gradientNorm\": 1, "
          + "\"gradientNormDeviation\": 0, \"steps\": 1, \"seconds\": 1, \"tokensPerSecond\": 1}"
        let name = isDist ? "dist" : "sft"
        try json.write(
          toFile: "\(folder.path)/cells/\(name)-seed\(seed).json", atomically: true, encoding: .utf8)
      }
    }
    // The folder lives as long as the value.
    return try withExtendedLifetime(tiny) { try folder.report(command: "dist2 compare") }
  }

  /// dist is off by 1 + seed/10, sft by 3 + seed/10; one answer of dist has eleven digits.
  private func withOutlier(_ isDist: Bool, _ seed: Int, _ index: Int) -> String {
    if isDist, seed == 2, index == 7 { return "96170000000" }
    return
      "\(Double(index % 18) + (index % 18 > 8 ? -1 : 1) * ((isDist ? 1 : 3) + Double(seed * (isDist ? 1 : 2)) / 10))"
  }

  @Test func oneAnswerDoesNotDecide() throws {
    let report = try report(seeds: 5, withOutlier), text = report.text(quiet)
    #expect(text.contains("Against sft dist improves MAE within range"), "\(text)")
    // Notes are broken into lines as wide as the table.
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("dist: 31 of 100 answers lie outside the training answers' range, 0 … 10"), "\(words)")
    #expect(words.contains("the farthest is 9.617e10"), "\(words)")
    #expect(text.contains("median error"))
    // By the mean, as the user may ask for, the one answer hides everything.
    let mean = try self.report(seeds: 5, metric: "mae", withOutlier).text(quiet)
    #expect(mean.contains("No difference shown"), "\(mean)")
    #expect(mean.contains("would mostly stay unseen"), "\(mean)")

    let json = report.json
    guard case .array(let verdicts)? = json["verdicts"] else { throw CancellationError() }
    #expect(json["metric"] == .string("clippedMAE"))
    #expect(json["tables"] != nil)
    #expect(json["conclusion"] != nil)
    #expect(verdicts[0]["outcome"] == .string("better") && verdicts[0]["ours"] == .string("dist"))
    #expect(verdicts.allSatisfy { $0["pValue"] != nil && $0["comparisons"] == .int(verdicts.count) })
    #expect(json.text().contains("\"lowerIsBetter\""))
  }

  /// What verdicts are about stands in one table, what else was measured in another.
  @Test func figuresAreShownOnce() throws {
    let report = try report(seeds: 3) { isDist, seed, index in "\(index % 18 + (isDist ? seed : 1))" }
    let tables = report.parts.compactMap { part -> Table? in
      switch part {
      case .table(let table), .detail(let table): table
      default: nil
      }
    }
    let titles = tables.prefix(2).flatMap { $0.columns.dropFirst().map(\.title) }
    #expect(titles.contains("MAE within range") && titles.contains("RMSE") && titles.contains("gradient norm"))
    #expect(Set(titles).count == titles.count, "\(titles)")
    #expect(tables[0].caption != tables[1].caption)
  }

  /// No answers of numbers, no verdict about them.
  @Test func nothingReadIsNoVerdict() throws {
    let text = try report(seeds: 3) { _, _, _ in "nothing" }.text(quiet)
    #expect(text.contains("No verdict: "), "\(text)")
    #expect(!text.contains("No difference shown"), "\(text)")
    #expect(try report(seeds: 1) { _, _, _ in "nothing" }.text(quiet).contains("No verdict: "))
  }

  /// Answers of hundreds of digits: a report, whatever their squares and cubes are.
  @Test(arguments: [1, 3]) func longNumbersEndNothing(seeds: Int) throws {
    for digits in [110, 308] {
      for metric in [nil, "mae"] as [String?] {
        let report = try report(seeds: seeds, metric: metric) { isDist, seed, index in
          isDist == (index % 3 == seed % 3) ? String(repeating: "1", count: digits + index % 2) : "\(index % 18)"
        }
        #expect(!report.text(quiet).isEmpty)
        #expect(!report.page.html.isEmpty)
        #expect(!report.json.text().contains("nan"))
      }
    }
  }
}
