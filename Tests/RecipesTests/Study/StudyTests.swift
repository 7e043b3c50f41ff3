// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing
import TestSupport
import TokenData

@Suite struct StudyTests {
  private func temporary() throws -> TemporaryFolder { try TemporaryFolder() }
  private let narrow = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 80, rows: 30) },
    write: { _ in })

  /// One run from data to figures, then the report of it.
  @Test func runsTrainAllVariantsAndAreReported() throws {
    let place = try temporary(), folder = place.path + "/study"
    let settings = StudySettings(
      problems: StudySettings.synthetic(counts: [16, 32], noises: [0.5], digits: [2]),
      variants: [.init(.sft), .init(.dist, alpha: 1), .init(.valueDrawn, width: 0.2)], seeds: [1], steps: 8)
    let study = try Study(folder: folder, settings: settings)
    for count in [16, 32] {
      try runStudy(named: "n\(count)-noise0.5-digits2-seed1", folder: folder, threads: 1)
    }
    let report = try study.report(command: "dist2 study")
    guard case .array(let runs)? = report.json["runs"] else { throw CancellationError() }
    #expect(runs.count == 6)
    for run in runs {
      guard case .double(let crps)? = run["last"]?["crps"], case .double(let mae)? = run["best"]?["readOutMAE"] else {
        throw CancellationError()
      }
      #expect(crps > 0)
      #expect(crps < 100)
      #expect(mae > 0)
      #expect(mae < 100)
    }
    let text = report.text(narrow)
    for words in ["valueDrawn σ 0.2", "dist α 1", "n = 16", "n = 32", "Always answering the training median"] {
      #expect(text.contains(words), "\(words) in \(text)")
    }
    #expect(text.split(separator: "\n").filter { $0.hasPrefix("│") }.allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(
      try String(contentsOfFile: folder + "/report.html", encoding: .utf8).contains("When does teaching distance help?")
    )
    // Nothing of the training runs is left.
    #expect(!fileExists(folder + "/runs/n16-noise0.5-digits2-seed1"))
  }

  /// Figures that are known: what is shown, what is not, and with how many comparisons.
  @Test func changesAreSharesOfPlainTraining() throws {
    let place = try temporary(), folder = place.path + "/study"
    let settings = StudySettings(
      problems: StudySettings.synthetic(counts: [50], noises: [0.5], digits: [3]),
      variants: [.init(.sft), .init(.valueDrawn, width: 0.2), .init(.dist, alpha: 1)], seeds: [1, 2, 3, 4], steps: 1)
    let study = try Study(folder: folder, settings: settings)
    for seed in 1...4 {
      let sft = 100.0 + Double(seed)
      func run(_ variant: String, _ crps: Double) -> String {
        "{\"variant\": \(variant), \"best\": {\"crps\": \(crps)}, \"last\": {\"crps\": \(crps)}, \"bestStep\": 1, "
          + "\"seconds\": 1}"
      }
      let runs = [
        run("{\"preset\": \"sft\"}", sft),
        run("{\"preset\": \"valueDrawn\", \"width\": 0.2}", sft - 20 - Double(seed % 2)),
        run("{\"preset\": \"dist\", \"alpha\": 1}", sft + (seed % 2 == 0 ? 5 : -5)),
      ]
      let problem = "{\"synthetic\": {\"_0\": {\"count\": 50, \"noise\": 0.5, \"digits\": 3}}}"
      try
        "{\"problem\": \(problem), \"seed\": \(seed), \"deviation\": 1, \"medianError\": 120, \"runs\": [\(runs.joined(separator: ","))]}"
        .write(toFile: study.store.path(of: "n50-noise0.5-digits3-seed\(seed)"), atomically: true, encoding: .utf8)
    }
    let lines = try study.report(command: "").text(narrow).split(separator: "\n").map(String.init)
    // 20.5 of 102.5 is a fifth; the interval is Student's of four differences of 20 and 21.
    #expect(lines.contains { $0.contains("valueDrawn σ 0.2") && $0.contains("−20 ± 1*") }, "\(lines)")
    #expect(lines.contains { $0.contains("dist α 1") && $0.contains("+0 ± 9") }, "\(lines)")
    #expect(lines.contains { $0.contains("sft") && $0.hasSuffix("102") || $0.contains(" 102") })
  }

  /// K18 is about the largest size alone, and stands only where every variant's interval lies within 5 %.
  @Test func theAdvantageAtTheLargestSizeIsTestedForBeingNone() throws {
    func report(valueDrawn change: Double) throws -> JSON? {
      let place = try temporary(), folder = place.path + "/study"
      let settings = StudySettings(
        problems: StudySettings.synthetic(counts: [50, 3000], noises: [0.5], digits: [3]),
        variants: [.init(.sft), .init(.valueDrawn, width: 0.2)], seeds: [1, 2, 3], steps: 1)
      let study = try Study(folder: folder, settings: settings)
      for count in [50, 3000] {
        for seed in 1...3 {
          func run(_ variant: String, _ crps: Double) -> String {
            "{\"variant\": \(variant), \"best\": {\"crps\": \(crps)}, \"last\": {\"crps\": \(crps)}, \"bestStep\": 1, "
              + "\"seconds\": 1}"
          }
          let drawn = count == 50 ? 50 : 100 + change + Double(seed - 2)
          let runs =
            run("{\"preset\": \"sft\"}", 100) + "," + run("{\"preset\": \"valueDrawn\", \"width\": 0.2}", drawn)
          let problem = "{\"synthetic\": {\"_0\": {\"count\": \(count), \"noise\": 0.5, \"digits\": 3}}}"
          try
            "{\"problem\": \(problem), \"seed\": \(seed), \"deviation\": 1, \"medianError\": 120, \"runs\": [\(runs)]}"
            .write(
              toFile: study.store.path(of: "n\(count)-noise0.5-digits3-seed\(seed)"), atomically: true,
              encoding: .utf8)
        }
      }
      guard case .array(let claims)? = try study.report(command: "").json["claims"] else { return nil }
      #expect(claims.map { $0["id"] } == ["K18"])
      return claims.first?["conclusion"]
    }
    #expect(try report(valueDrawn: 1) == "equivalent")
    #expect(try report(valueDrawn: -20) == "different")
    // The interval of ± 1.7 reaches over the margin.
    #expect(try report(valueDrawn: 4) == "undecided")
  }

  /// The same seed makes the same examples; the noise is as wide as it says.
  @Test func madeUpNumbersHaveTheNoiseTheySay() throws {
    let place = try temporary()
    func answers(_ noise: Double, seed: Int) throws -> [(clean: Double, value: Double)] {
      let folder = "\(place.path)/\(noise)-\(seed)-\(UUID().uuidString)"
      try NoisyNumbers(count: 4000, noise: noise, digits: 3).write(to: folder, seed: seed)
      let file = try JSONLFile(folder + "/train.jsonl")
      return try (0..<file.count).map { index in
        let line = try file.record(index), prompt = try line.string(at: "prompt")
        let ab = prompt.split(separator: " ").prefix(2).compactMap { Double($0) }
        let clean = 1000 * (0.15 + 0.7 * (0.6 * ab[0] + 0.4 * ab[1]) / 99)
        return (clean, Double(try line.string(at: "completion").dropFirst()) ?? .nan)
      }
    }
    let some = try answers(0.5, seed: 1)
    #expect(try answers(0.5, seed: 1).map(\.value) == some.map(\.value))
    #expect(try answers(0.5, seed: 2).map(\.value) != some.map(\.value))
    let noise = Measurements(some.map { $0.value - $0.clean })
    #expect(abs(noise.standardDeviation - 66.5) < 3)
    #expect(abs(noise.mean) < 4)
    #expect(try answers(0, seed: 1).allSatisfy { abs($0.value - $0.clean) <= 0.5 })
  }

  @Test func foldersWithoutTablesAreRefused() throws {
    let place = try temporary()
    let error = #expect(throws: InputError.self) { try StudySettings.tables(in: place.path) }
    #expect(error?.remedy.contains("study_tables.py") == true)
  }
}
