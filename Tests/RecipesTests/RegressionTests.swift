import Files
import Foundation
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
      #expect(slope > 0.09 && slope < 1.01)
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

  /// PAPER.md 1.4, item 10: MAE 0.159 and RMSE 0.194 of the constant median.
  @Test func theFloorIsThePapers() {
    let answers = RegressionData(seed: 1, test: 40_000).test.map { $0.answer - RegressionProblem.constantMedian }
    let mae = answers.reduce(0) { $0 + abs($1) } / 40_000
    let rmse = (answers.reduce(0) { $0 + $1 * $1 } / 40_000).squareRoot()
    #expect(abs(mae - RegressionProblem.constantError.mae) < 0.002)
    #expect(abs(rmse - RegressionProblem.constantError.rmse) < 0.002)
  }

  @Test func answersThatAreNoNumbersCountAsTheMedian() {
    let outcome = outcome(.sft, seed: 1, answers: [0.5, nil, 0.9], truths: [0.6, 0.425, 0.9])
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

  @Test func paperScaleIsThePapersProtocol() {
    let settings = RegressionSettings(.regression, .paper, model: "m")
    #expect(settings.cells.count == 10 * 5 * 3)
    #expect(settings.testProblems == 1000)
    #expect(settings.epochs(2) == 125)  // D.3's own example
    #expect(settings.epochs(10) == 25 && settings.epochs(3) == 83)
    #expect(RegressionSettings(.ablation, .paper, model: "m").cells.count == 5 * 10)
  }

  @Test func aReportOfOneSeedClaimsNothingAboutOthers() {
    var settings = RegressionSettings(.regression, .small, model: "models/Tiny")
    settings.counts = [10]
    let truths = (0..<50).map { Double($0) / 50 }
    let outcomes = [Preset.sft, .vocab, .dist].map { preset in
      outcome(preset, seed: 1, answers: truths.map { $0 + (preset == .dist ? 0.01 : 0.2) }, truths: truths)
    }
    let report = RegressionReport(settings, outcomes, command: "dist2 reproduce regression")
    let text = report.text(.standardOutput)
    #expect(text.contains("against sft: one seed: no verdict on MAE (0.01 against 0.20)"))
    #expect(!text.contains("lower MAE by"))
    #expect(text.contains("0.010") && text.contains("0.200") && text.contains("0.092"))
    #expect(report.page.html.contains("dist2 reproduce regression"))
    #expect(report.markdown.contains("| 10 |"))
  }

  @Test func severalSeedsAreComparedInPairs() {
    var settings = RegressionSettings(.regression, .paper, model: "m")
    settings.counts = [2, 5, 10]
    let truths = (0..<20).map { Double($0) / 20 }
    func outcomes(gain: Double) -> [RegressionOutcome] {
      settings.cells.map { cell in
        let base = 0.1 + 0.001 * Double(cell.seed)
        let shift = cell.preset == .dist ? base - gain - 0.0001 * Double(cell.seed * cell.count) : base
        return outcome(
          cell.preset, count: cell.count, seed: cell.seed, answers: truths.map { $0 + shift }, truths: truths)
      }
    }
    #expect(RegressionReport(settings, outcomes(gain: 0.05), command: "c").markdown.contains("lower MAE by 0.05"))
    #expect(RegressionReport(settings, outcomes(gain: -0.05), command: "c").markdown.contains("higher (worse)"))
  }

  private func outcome(
    _ preset: Preset, count: Int = 10, seed: Int, answers: [Double?], truths: [Double]
  ) -> RegressionOutcome {
    RegressionOutcome(
      cell: RegressionCell(preset: preset, count: count, seed: seed), answers: answers, truths: truths, steps: 1,
      trainingSeconds: 1, testingSeconds: 1, losses: [2, 1])
  }
}
