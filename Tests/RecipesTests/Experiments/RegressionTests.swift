// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing

@Suite struct RegressionTests {
  @Test func problemsAreLinesToThreeDecimals() {
    let data = RegressionData(seed: 3, test: 500)
    #expect(data.training.count == 10)
    for problem in data.training + data.test {
      #expect(Set(problem.points.map(\.x)).count == 3)
      // The three points and the answer lie on one line, to the rounding of y.
      let (a, b) = (problem.points.min { $0.x < $1.x }!, problem.points.max { $0.x < $1.x }!)
      guard b.x - a.x > 0.2 else { continue }
      let slope = (b.y - a.y) / (b.x - a.x)
      #expect(abs(a.y + slope * (0.5 - a.x) - problem.answer) < 0.006)
      #expect(slope > 0.09)
      #expect(slope < 1.01)
    }
    #expect(data.test[0].prompt.split(separator: "\n").count == 4)
    #expect(data.test[0].prompt.hasSuffix("x = 0.500, y ="))
    #expect(data.test[0].completion.count == 6)
  }

  @Test func problemsDependOnTheSeedAlone() {
    #expect(RegressionData(seed: 1, test: 5).test == Array(RegressionData(seed: 1, training: 3, test: 50).test[..<5]))
    #expect(RegressionData(seed: 1, test: 5).test != RegressionData(seed: 2, test: 5).test)
    let data = RegressionData(seed: 1, test: 10)
    #expect(Set(data.training).isDisjoint(with: data.test))
  }

  /// The floor under Table 11 (docs/paper-map.md, Slips): MAE 0.159 and RMSE 0.194 of the constant median.
  @Test func theFloorIsThePapers() {
    let answers = RegressionData(seed: 1, test: 40_000).test.map { $0.answer - RegressionProblem.constantMedian }
    let mae = answers.reduce(0) { $0 + abs($1) } / 40_000
    let rmse = (answers.reduce(0) { $0 + $1 * $1 } / 40_000).squareRoot()
    #expect(abs(mae - RegressionProblem.constantError.mae) < 0.002)
    #expect(abs(rmse - RegressionProblem.constantError.rmse) < 0.002)
  }

  @Test func answersThatAreNoNumbersCountAsTheMedian() {
    let outcome = outcome(answers: [0.5, nil, 0.9], truths: [0.6, 0.425, 0.9])
    #expect(outcome.unparseable == 1)
    #expect(abs(outcome.mae - (0.1 + 0.1) / 3) < 1e-12)
    #expect(abs(outcome.rmse - (0.02 / 3).squareRoot()) < 1e-12)
  }

  @Test func thePapersTablesAreWhole() {
    #expect(PaperToy.table11.mapValues(\.count) == ["sft": 10, "vocab": 10, "dist": 10])
    #expect(PaperToy.table11["dist"]![9].mae == (0.092, 0.017))
    // The paper's own slip 7: the first and last rows of Table 5 are Table 11's at N = 10.
    #expect(PaperToy.table5["dist"] == PaperToy.table11["dist"]![9])
    #expect(PaperToy.table5["sft"] == PaperToy.table11["sft"]![9])
    #expect(Set(PaperToy.table5.keys) == Set(Preset.ablations.map(\.rawValue)))
  }

  /// Each is trained as its name says: α, and whether numbers are taught whole.
  @Test(arguments: [("dist", 0.1), ("dist α 1", 1), ("sft", 0.1), ("valueDrawn", 1)])
  func variantsTrainWhatTheyAreCalled(name: String, alpha: Double) throws {
    var experiment = RegressionExperiment(.regression, .small, model: "m")
    experiment.grid.variants = [name]
    try experiment.grid.check(known: experiment.variants)
    let settings = try experiment.settings(experiment.grid.runs[0], train: "t.jsonl", output: "o")
    #expect(settings.objective.preset.rawValue == name.split(separator: " ")[0])
    #expect(settings.objective.alpha == alpha)
    #expect(settings.metrics[0].contrast == (name == "valueDrawn" ? .none : .twoPass(radius: 1)))
    #expect(settings.metrics[0].whole.format?.range == 0...1.5)
  }

  @Test func paperScaleIsThePapersProtocol() {
    let experiment = RegressionExperiment(.regression, .paper, model: "m")
    #expect(experiment.grid.runs.count == 10 * 5 * 3)
    #expect(experiment.testProblems == 1000)
    #expect(experiment.epochs(2) == 125)  // D.3's own example
    #expect(experiment.epochs(10) == 25)
    #expect(experiment.epochs(3) == 83)
    #expect(RegressionExperiment(.ablation, .paper, model: "m").grid.runs.count == 5 * 10)
  }

  @Test func aReportOfOneSeedClaimsNothingAboutOthers() throws {
    let experiment = RegressionExperiment(.regression, .small, model: "models/Tiny")
    let truths = (0..<50).map { Double($0) / 50 }
    let report = try report(experiment) { run in
      outcome(answers: truths.map { $0 + (run.variant == "dist" ? 0.01 : 0.2) }, truths: truths)
    }
    let text = report.text(.standardOutput)
    #expect(text.contains("against sft: one seed: no verdict on MAE (0.01 against 0.20)"))
    #expect(!text.contains("lower MAE by"))
    #expect(text.contains("0.010"))
    #expect(text.contains("0.200"))
    #expect(text.contains("0.092"))
    #expect(text.contains("K7 (needs four or more N)"))
    #expect(report.findings.map(\.id) == ["K6"] && report.findings[0].conclusion == .undecided)
    #expect(report.markdown.contains("| 10 |"))
  }

  @Test func severalSeedsAreComparedInPairs() throws {
    var experiment = RegressionExperiment(.regression, .paper, model: "m")
    experiment.grid.sizes = [2, 5, 10]
    let truths = (0..<20).map { Double($0) / 20 }
    func report(gain: Double) throws -> ExperimentReport {
      try self.report(experiment) { run in
        let base = 0.1 + 0.001 * Double(run.seed)
        let shift = run.variant == "dist" ? base - gain - 0.0001 * Double(run.seed * run.count) : base
        return outcome(answers: truths.map { $0 + shift }, truths: truths)
      }
    }
    let better = try report(gain: 0.05), worse = try report(gain: -0.05)
    #expect(better.markdown.contains("lower MAE by 0.05") && better.findings[0].conclusion == .better)
    #expect(worse.markdown.contains("higher (worse)") && worse.findings[0].conclusion == .worse)
    // The same gain at every size: it does not shrink (K8).
    #expect(better.findings.map(\.id) == ["K6", "K8"])
    let json = better.json
    guard case .array(let claims)? = json["claims"], case .array(let verdicts)? = claims[0]["verdicts"],
      case .array(let tables)? = json["tables"], case .array(let rows)? = tables[0]["rows"]
    else { return #expect(Bool(false), "\(json.summary)") }
    #expect(claims[0]["conclusion"] == "better")
    #expect(verdicts.map { $0["label"] } == ["against sft", "against vocab"])
    #expect(rows.map { $0["N"] } == [2, 5, 10])
    // Lower by 0.05 and 0.0001 · seed · N: 0.0001 · 3 · 17/3 more in the mean over seeds and N.
    guard case .array(let changes)? = tables[1]["rows"] else { return #expect(Bool(false), "\(json.summary)") }
    #expect(changes.map { $0["shown"] } == ["–", "better"])
    let row = try #require(better.tables.dropFirst().first?.rows.last)
    let change: Double = row[1].value ?? .nan, expected: Double = -0.05 - 0.0001 * 17
    #expect(abs(change - expected) < 1e-9)
    guard case .array(let figures)? = json["figures"], case .array(let series)? = figures[0]["series"],
      let dist = series.first(where: { $0["name"] == "dist" }), case .array(let points)? = dist["points"]
    else { return #expect(Bool(false), "\(json.summary)") }
    // MAE, RMSE, losses.
    #expect(figures.count == 3)
    #expect(points.map { $0["x"] } == [2.0, 5.0, 10.0])
  }

  /// The parts at another N than the paper's: the table was blank, and so was the claim.
  @Test func theAblationReportsItsOwnSizes() throws {
    var experiment = RegressionExperiment(.ablation, .small, model: "m")
    (experiment.grid.sizes, experiment.grid.seeds) = ([5], [1, 2])
    let truths = (0..<20).map { Double($0) / 20 }
    let report = try report(experiment) { run in
      outcome(answers: truths.map { $0 + 0.1 + 0.01 * Double(run.seed) }, truths: truths)
    }
    let row = try #require(report.tables[0].rows.first)
    #expect(row.map(\.text).prefix(2) == ["dist", "5"] && abs((row[2].value ?? .nan) - 0.115) < 1e-9)
    // The paper has none of N = 5.
    #expect(row.suffix(2).allSatisfy { $0.value == nil })
    #expect(report.findings.map(\.id) == ["K14"] && report.findings[0].conclusion == .noDifferenceShown)
  }

  private func outcome(answers: [Double?], truths: [Double]) -> RegressionOutcome {
    RegressionOutcome(answers: answers, truths: truths, losses: [2, 1])
  }

  private func report(
    _ experiment: RegressionExperiment, _ outcome: (GridRun) -> RegressionOutcome
  ) throws -> ExperimentReport {
    let runs = experiment.grid.runs
    return try experiment.report(
      Results(experiment.grid, Dictionary(uniqueKeysWithValues: runs.map { ($0, outcome($0)) })), [:])
  }
}
