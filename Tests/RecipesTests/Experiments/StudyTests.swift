// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Reports
import Testing
import TestSupport
import TokenData

@Suite struct StudyTests {
  private func temporary() throws -> TemporaryFolder { try TemporaryFolder() }
  private let narrow = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 80, rows: 30) },
    write: { _ in })

  private func experiment(
    _ counts: [Int], digits: Int, _ variants: [String], seeds: [Int], steps: Int
  ) -> StudyExperiment {
    var experiment = StudyExperiment(counts: counts, noises: [0.5], digits: [digits])
    (experiment.grid.variants, experiment.grid.seeds, experiment.steps) = (variants, seeds, steps)
    return experiment
  }

  /// Runs from data to figures, then the report of them.
  @Test func runsTrainAndAreReported() throws {
    let place = try temporary(), path = place.path + "/study"
    let folder = try ExperimentFolder(
      path, experiment([16, 32], digits: 2, ["sft", "dist α 1", "valueDrawn σ 0.2"], seeds: [1], steps: 8))
    #expect(folder.experiment.grid.runs[2].name == "valueDrawn-σ-0.2-n16-noise0.5-digits2-seed1")
    for run in folder.experiment.grid.runs { try folder.run(one: run.name, threads: 1) }
    let results = try folder.results()
    for run in folder.experiment.grid.runs {
      let outcome = try #require(results.outcome(run.variant, run.condition, seed: 1))
      let fields = try JSON(parsing: String(decoding: JSONEncoder().encode(outcome), as: UTF8.self), path: "")
      guard case .double(let crps)? = fields["last"]?["crps"], case .double(let mae)? = fields["best"]?["readOutMAE"]
      else { throw CancellationError() }
      #expect(crps > 0)
      #expect(crps < 100)
      #expect(mae > 0)
      #expect(mae < 100)
    }
    let text = try folder.report(command: "dist2 study").text(narrow)
    for words in ["valueDrawn σ 0.2", "dist α 1", "n = 16", "n = 32", "Always answering the training median"] {
      #expect(text.contains(words), "\(words) in \(text)")
    }
    #expect(text.split(separator: "\n").filter { $0.hasPrefix("│") }.allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(
      try String(contentsOfFile: path + "/report.html", encoding: .utf8).contains("When does teaching distance help?"))
    // Nothing of the training runs is left.
    #expect(!fileExists("\(path)/runs/\(folder.experiment.grid.runs[0].name)"))
  }

  /// Puts an outcome with this CRPS into a study's folder.
  private func keep(_ crps: Double, of run: GridRun, in folder: ExperimentFolder<StudyExperiment>) throws {
    let figures = "{\"crps\": \(crps)}"
    try "{\"best\": \(figures), \"last\": \(figures), \"bestStep\": 1, \"seconds\": 1, \"medianError\": 120}"
      .write(toFile: "\(folder.path)/cells/\(run.name).json", atomically: true, encoding: .utf8)
  }

  /// Figures that are known: what is shown, what is not, and with how many comparisons.
  @Test func changesAreSharesOfPlainTraining() throws {
    let place = try temporary()
    let folder = try ExperimentFolder(
      place.path + "/study",
      experiment([50], digits: 3, ["sft", "valueDrawn σ 0.2", "dist α 1"], seeds: [1, 2, 3, 4], steps: 1))
    for run in folder.experiment.grid.runs {
      let sft = 100.0 + Double(run.seed)
      let crps =
        switch run.variant {
        case "sft": sft
        case "dist α 1": sft + (run.seed % 2 == 0 ? 5 : -5)
        default: sft - 20 - Double(run.seed % 2)
        }
      try keep(crps, of: run, in: folder)
    }
    let lines = try folder.report(command: "").text(narrow).split(separator: "\n").map(String.init)
    // 20.5 of 102.5 is a fifth; the interval is Student's of four differences of 20 and 21.
    #expect(lines.contains { $0.contains("valueDrawn σ 0.2") && $0.contains("−20 ± 1*") }, "\(lines)")
    #expect(lines.contains { $0.contains("dist α 1") && $0.contains("+0 ± 9") }, "\(lines)")
    #expect(lines.contains { $0.contains("sft") && $0.hasSuffix("102") || $0.contains(" 102") })
    #expect(
      try folder.report(command: "").headline.hasSuffix(
        "lower: valueDrawn σ 0.2 −20 ± 1 %; no difference shown: dist α 1 −0 ± 9 %."))
  }

  /// The mean over noises by training size, and the other way round; digits have one value.
  @Test func changesByFactorAreMeansOverTheOthers() throws {
    let place = try temporary()
    var experiment = StudyExperiment(counts: [50, 3000], noises: [0.1, 0.5], digits: [3])
    (experiment.grid.variants, experiment.grid.seeds) = (["sft", "valueDrawn σ 0.2"], [1, 2, 3])
    let folder = try ExperimentFolder(place.path + "/study", experiment)
    for run in folder.experiment.grid.runs {
      // 20 and 40 % less at 50 examples, 0 and 20 % less at 3,000.
      let less = (run.condition[0] == 50 ? 20.0 : 0) + (run.condition[1] == 0.5 ? 20 : 0)
      try keep(run.variant == "sft" ? 100 : 100 - less + 0.01 * Double(run.seed), of: run, in: folder)
    }
    let tables = try folder.report(command: "").tables.filter { $0.caption.contains(" by ") }
    #expect(
      tables.map { $0.columns.dropFirst().map(\.title) }.prefix(2) == [
        ["n = 50", "n = 3000"], ["noise = 0.1", "noise = 0.5"],
      ])
    #expect(tables.count == 4)
    #expect(tables[0].markdown.contains("| valueDrawn σ 0.2 | −30 ± 0* | −10 ± 0* |"))
    #expect(tables[1].markdown.contains("| valueDrawn σ 0.2 | −10 ± 0* | −30 ± 0* |"))
  }

  /// K18 is about the largest size alone, and stands only where every variant's interval lies within 5 %.
  @Test func theAdvantageAtTheLargestSizeIsTestedForBeingNone() throws {
    func conclusion(valueDrawn change: Double) throws -> JSON? {
      let place = try temporary()
      let folder = try ExperimentFolder(
        place.path + "/study",
        experiment([50, 3000], digits: 3, ["sft", "valueDrawn σ 0.2"], seeds: [1, 2, 3], steps: 1))
      for run in folder.experiment.grid.runs {
        let drawn = run.count == 50 ? 50 : 100 + change + Double(run.seed - 2)
        try keep(run.variant == "sft" ? 100 : drawn, of: run, in: folder)
      }
      let report = try folder.report(command: "")
      guard case .array(let claims)? = report.json["claims"] else { return nil }
      #expect(claims.map { $0["id"] } == ["K18"])
      return claims.first?["conclusion"]
    }
    #expect(try conclusion(valueDrawn: 1) == "equivalent")
    #expect(try conclusion(valueDrawn: -20) == "different")
    // The interval of ± 1.7 reaches over the margin.
    #expect(try conclusion(valueDrawn: 4) == "undecided")
  }

  /// All variants of a problem and seed run in one process, those that are finished left out.
  @Test func variantsShareAProcess() throws {
    let place = try temporary(), order = place.path + "/order"
    let folder = try ExperimentFolder(
      place.path + "/study", experiment([16, 32], digits: 2, ["sft", "dist α 1"], seeds: [1, 2], steps: 8))
    try keep(1, of: folder.experiment.grid.run("sft", [32, 0.5, 2], seed: 1), in: folder)
    try folder.run(jobs: 1, narrow) { runs, _ in ["/bin/sh", "-c", "echo \"$@\" >> '\(order)'", "sh"] + runs }
    #expect(
      try String(contentsOfFile: order, encoding: .utf8).split(separator: "\n") == [
        "sft-n16-noise0.5-digits2-seed1 dist-α-1-n16-noise0.5-digits2-seed1", "dist-α-1-n32-noise0.5-digits2-seed1",
        "sft-n16-noise0.5-digits2-seed2 dist-α-1-n16-noise0.5-digits2-seed2",
        "sft-n32-noise0.5-digits2-seed2 dist-α-1-n32-noise0.5-digits2-seed2",
      ])
  }

  /// Seeds, variants and problems are added; what trains otherwise is another study.
  @Test func moreMayBeAdded() throws {
    let place = try temporary(), path = place.path + "/study"
    _ = try ExperimentFolder(path, experiment([16], digits: 2, ["sft"], seeds: [1], steps: 8))
    let both = experiment([16, 32], digits: 2, ["sft", "raml σ 0.1"], seeds: [1, 2], steps: 8)
    let more = experiment([32], digits: 2, ["sft", "raml σ 0.1"], seeds: [1, 2], steps: 8)
    #expect(try ExperimentFolder(path, more).experiment == both)
    // Asking for less takes nothing away.
    #expect(
      try ExperimentFolder(path, experiment([16], digits: 2, ["sft"], seeds: [1], steps: 8)).experiment == both)
    #expect(throws: InputError.self) {
      try ExperimentFolder(path, experiment([16], digits: 2, ["sft"], seeds: [1], steps: 9))
    }
    #expect(throws: InputError.self) {
      try ExperimentFolder(path + "2", experiment([16], digits: 2, ["raml σ 0.1"], seeds: [1], steps: 8))
    }
  }

  /// Tables are told apart by name, whichever came first.
  @Test func tablesAreAdded() throws {
    let place = try temporary()
    func tables(_ names: String...) throws -> StudyExperiment {
      let folder = place.path + "/" + names.joined()
      for name in names {
        try makeFolders("\(folder)/\(name)")
        try AtomicFile.write("{\"train\": 9, \"floors\": {}}".utf8, to: "\(folder)/\(name)/table.json")
      }
      var experiment = try StudyExperiment(tables: folder)
      (experiment.grid.variants, experiment.grid.seeds) = (["sft"], [1])
      return experiment
    }
    let path = place.path + "/study"
    #expect(
      try ExperimentFolder(path, tables("wine")).experiment.grid.runs.map(\.name) == ["sft-wine-seed1"])
    #expect(
      try ExperimentFolder(path, tables("iris", "wages")).experiment.grid.runs.map(\.name)
        == ["sft-wine-seed1", "sft-iris-seed1", "sft-wages-seed1"])
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
    let error = #expect(throws: InputError.self) { try StudyExperiment(tables: place.path) }
    #expect(error?.remedy.contains("study_tables.py") == true)
  }
}
