// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Recipes
import Reports
import Testing

/// The least experiment: two factors, a shared artifact, outcomes that are arithmetic.
private struct Sums: Experiment {
  static let name = "sums"
  static let variantSets = ["both": ["plus", "minus"]]
  var grid = Grid(
    ["plus", "minus"],
    by: [Grid.Factor("n", "examples", [1, 2, 4]), Grid.Factor("noise", "noise", [0, 0.5], in: 0...1)], seeds: [1, 2])
  var offset = 10.0
  var variants: [String] { ["plus", "minus", "times"] }
  var stages: [ArtifactStage] { [ArtifactStage("offset", runs: ["offset"], work: 1)] }

  func prepare(in folder: String, _ terminal: Terminal) throws { try AtomicFile.write([1], to: folder + "/data") }
  func makeArtifact(_ context: RunContext) -> Double { offset }
  func run(_ run: GridRun, _ context: RunContext) throws -> [Double] {
    context.say("adding", 1, of: 1)
    let level = run.size + run.condition[1] + 0.125 * Double(run.seed * run.seed)
    return [run.variant == "plus" ? level : -level]
  }
  func report(_ results: Results<[Double]>, _ artifacts: [String: Double]) throws -> ExperimentReport {
    let conditions = results.grid.conditions
    var table = Table("Sums", columns: ["variant", "n", "sum"].map { Table.Column($0) })
    for row in results.rows {
      table.add([
        .text(row.variant), .number(row.condition[0]), .mean(results.measure(row.variant, row.condition) { $0[0] }),
      ])
    }
    let claims = [
      Claim(
        "S1", "plus is higher.",
        [("", results.verdict("sum", "plus", "minus", conditions, lowerIsBetter: false) { $0[0] })]),
      Claim("S2", "nothing", []),
    ]
    var report = ExperimentReport(
      "Sums", subtitle: results.seedsText, findings: Claim.judge(claims),
      remarks: ["offset \(artifacts["offset"] ?? .nan)"],
      figure: results.chart("Sums", y: Axis("sum")) { $0[0] },
      parts: [.table(table), .closed("more", [.paragraph("x")])])
    report.headline = "It adds up."
    return report
  }
}

@Suite struct ExperimentTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "dist2-experiment-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func theGridIsEveryCombinationSeedsOutermost() {
    let runs = Sums().grid.runs
    #expect(runs.count == 2 * 3 * 2 * 2)
    #expect(Set(runs.map(\.name)).count == runs.count)
    #expect(runs.map(\.name).prefix(3) == ["plus-n1-noise0-seed1", "minus-n1-noise0-seed1", "plus-n1-noise0.5-seed1"])
    #expect(runs.prefix(12).allSatisfy { $0.seed == 1 } && runs[2].condition == [1, 0.5] && runs[2].count == 1)
    #expect(Grid(["a"], seeds: [3]).runs.map(\.name) == ["a-seed3"])
  }

  @Test func runsBecomeAReport() throws {
    try withFolder { path in
      let folder = try ExperimentFolder(path, Sums())
      var phases = [String]()
      try folder.run(one: "offset", threads: 1)
      for run in folder.experiment.grid.runs { try folder.run(one: run.name, threads: 1) { phases.append($0.phase) } }
      #expect(phases.count == 24)
      #expect(Set(phases) == ["adding"])
      let report = try folder.report(command: "sums it up")
      // Means over all conditions of a seed are its one measurement: 2.583… and a share of the seed.
      let verdict = try #require(report.findings[0].comparisons.first?.verdict)
      #expect(verdict.pairs == 2)
      #expect(abs(verdict.difference - 2 * (7.0 / 3 + 0.25 + 0.3125)) < 1e-12)
      #expect(report.findings.map(\.conclusion) == [.better, .undecided])
      #expect(report.tables[0].rows.count == 12 && report.tables[0].rows[0][2].text == "1.312 ± 0.265")
      #expect(report.text(quiet).contains("offset 10.0"))
      #expect(report.subtitle == "2 seeds")
      for file in ["report.html", "report.json", "table.md", "figure.svg"] { #expect(fileExists(path + "/" + file)) }
      let page = try String(contentsOfFile: path + "/report.html", encoding: .utf8)
      #expect(report.text(quiet).contains("It adds up."))
      #expect(report.markdown.contains("**It adds up.**"))
      #expect(page.contains("sums it up"))
      #expect(page.contains("It adds up."))
      #expect(page.contains("<summary>more</summary>"))
      let json = try JSON(parsing: String(contentsOfFile: path + "/report.json", encoding: .utf8), path: "report.json")
      #expect(json["command"] == "sums it up")
      #expect(json["settings"]?["offset"] == 10)
    }
  }

  /// Along either factor, with the other fixed or as a mean; only seeds that have every condition count.
  @Test func chartsFollowAFactor() throws {
    let sums = Sums(), grid = sums.grid
    let outcomes = Dictionary(
      uniqueKeysWithValues: try grid.runs.filter { $0.name != "plus-n4-noise0.5-seed2" }.map {
        ($0, try sums.run($0, RunContext(folder: "", name: $0.name)))
      })
    let results = Results(grid, outcomes)
    func points(_ along: String?, _ fixed: [String: Double]) -> [[Double]] {
      let chart = results.chart("Sums", along: along, at: fixed, y: Axis("sum")) { $0[0] }
      return (chart.series.first { $0.name == "plus" }?.points ?? []).map { [$0.x, $0.y] }
    }
    #expect(points(nil, ["noise": 0]) == [[1, 1.3125], [2, 2.3125], [4, 4.3125]])
    // The mean over noise adds 0.25; of 4 only seed 1 has both.
    #expect(points("n", [:]) == [[1, 1.5625], [2, 2.5625], [4, 4.375]])
    #expect(points("noise", ["n": 2]) == [[0, 2.3125], [0.5, 2.8125]])
    #expect(grid.conditions(["noise": 0.5]) == [[1, 0.5], [2, 0.5], [4, 0.5]])
    #expect(results.largestSize(["plus", "minus"]) == 4)
    // plus gains 2 (n + noise + 0.125 s²) on minus, seed 1 alone has all sizes: the gain grows with n.
    let claim = try #require(results.shrinkingGain("plus", "minus") { $0[0] - $1[0] })
    #expect(claim.conclusion == .undecided && claim.comparisons[0].verdict.pairs == 1)
    #expect(claim.comparisons[0].verdict.difference > 0)
  }

  /// What is missing leaves gaps, and only seeds that both have are compared.
  @Test func unfinishedRunsLeaveGaps() throws {
    try withFolder { path in
      let folder = try ExperimentFolder(path, Sums())
      for name in ["plus-n2-noise0-seed1", "plus-n2-noise0-seed2", "minus-n2-noise0-seed2"] {
        try folder.run(one: name, threads: 1)
      }
      let results = try folder.results()
      #expect(results.rows.map(\.variant) == ["plus", "minus"])
      #expect(results.count == 3)
      #expect(results.seeds(["plus"], [[2, 0]]) == [1, 2])
      #expect(results.seeds(["plus", "minus"], [[2, 0]]) == [2])
      #expect(results.verdict("sum", "plus", "minus", [[2, 0]]) { $0[0] }.pairs == 1)
      #expect(results.seedsText == "1 to 2 seeds")
      let error = #expect(throws: InputError.self) { try folder.run(one: "times-n2-noise0-seed1", threads: 1) }
      #expect(error?.place == "run times-n2-noise0-seed1")
    }
  }

  @Test func foldersBelongToTheirSettings() throws {
    try withFolder { path in
      _ = try ExperimentFolder(path, Sums())
      var other = Sums()
      other.offset = 11
      #expect(throws: InputError.self) { try ExperimentFolder(path, other) }
      #expect(try ExperimentFolder<Sums>(path).experiment == Sums())
      other.grid.factors[1].values = [2]
      let error = #expect(throws: InputError.self) { try ExperimentFolder(path + "/b", other) }
      #expect(error?.place == "noise")
      #expect(error?.expected == "distinct numbers from 0 to 1")
    }
  }

  /// Stages in order, then the grid, each in a process; what is finished is not run again.
  @Test func stagesComeFirst() throws {
    try withFolder { path in
      var sums = Sums()
      (sums.grid.variants, sums.grid.sizes, sums.grid.seeds) = (["plus"], [1], [1])
      let folder = try ExperimentFolder(path, sums)
      let names = "echo $0 >> '\(path)/order'; test -f '\(path)/data'"
      func run() throws { try folder.run(jobs: 1, quiet) { runs, _ in ["/bin/sh", "-c", names] + runs } }
      try run()
      #expect(
        try String(contentsOfFile: path + "/order", encoding: .utf8)
          == "offset\nplus-n1-noise0-seed1\nplus-n1-noise0.5-seed1\n")
      try folder.run(one: "offset", threads: 1)
      try run()
      #expect(try String(contentsOfFile: path + "/order", encoding: .utf8).split(separator: "\n").count == 5)
    }
  }

  @Test func claimsAreCorrectedTogether() {
    func verdict(_ gap: Double) -> Verdict {
      Verdict("MAE", ours: [1, 2, 3], theirs: [1 + gap, 2 + 1.1 * gap, 3 + 0.9 * gap])
    }
    let alone = Claim("A", "a", [("x", verdict(1))]).judged
    #expect(alone.conclusion == .better && alone.comparisons[0].verdict.comparisons == 1)
    let both = Claim.judge([
      Claim("A", "a", [("x", verdict(1)), ("y", verdict(-1))]), Claim("B", "b", [("z", verdict(1))], remark: "Note."),
    ])
    #expect(both.map(\.conclusion) == [.mixed, .better])
    #expect(both.flatMap(\.comparisons).allSatisfy { $0.verdict.comparisons == 3 })
    #expect(both[0].finding.contains("; y: higher (worse)") && both[1].finding.hasSuffix(". Note."))
  }
}
