// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing

@Suite struct ComparisonTests {
  @Test func variantsAreObjectivesAtThePointsThatChangeThem() throws {
    let tiny = try TinyRun(), run = try tiny.settings()
    let settings = try ComparisonSettings(
      run, objectives: [.sft, .vocab, .dist], axes: ["objective.temperature=1,2,4", "data.limit=8,16"], seeds: [1, 2])
    // sft and vocab know no τ: 2 variants each; dist 6.
    #expect(settings.variants.count { $0.preset == .sft } == 2)
    #expect(settings.variants.count { $0.preset == .vocab } == 2)
    #expect(settings.variants.count { $0.preset == .dist } == 6)
  }

  @Test(arguments: ["objective.temperature", "=1", "train.epochs=1,,2", "train.epoch=1", "train.steps=many"])
  func axesThatMeanNothingAreRefusedBeforeAnythingRuns(_ axis: String) throws {
    let tiny = try TinyRun(), run = try tiny.settings()
    #expect(throws: InputError.self) {
      try ComparisonSettings(run, objectives: [.sft], axes: [axis], seeds: [1])
    }
  }

  /// A folder that an earlier version began, with the keys of that version.
  @Test func foldersOfEarlierVersionsGoOn() throws {
    let tiny = try TinyRun()
    let settings = try ComparisonSettings(
      tiny.settings("data.squareImages=64"), objectives: [.sft, .dist], axes: [], seeds: [1])
    let folder = tiny.folder + "/compare", path = folder + "/settings.json"
    _ = try ComparisonExperiment(folder: folder, settings: settings)
    var text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("\"arms\""))
    #expect(text.contains("\\n  squareImages: 64\\n"))
    #expect(text.contains("delimiters: "))
    text = text.replacing("squareImages", with: "squarePictures").replacing("delimiters", with: "marks")
    try AtomicFile.write(text.utf8, to: path)
    #expect(try ComparisonExperiment(folder: folder, settings: settings).store.settings == settings)
  }

  @Test func runsRunAreKeptAndReported() throws {
    let tiny = try TinyRun()
    let run = try tiny.settings("train.steps=6", "evaluate.distribution=true")
    let settings = try ComparisonSettings(
      run, objectives: [.sft, .vocab, .smooth, .dist, .ntlWasserstein, .ntlMSE, .policyGradient], axes: [],
      seeds: [1, 2])
    let folder = tiny.folder + "/compare"
    let experiment = try ComparisonExperiment(folder: folder, settings: settings)
    for name in runNames(settings) { try runComparison(named: name, folder: folder, threads: 1) }
    #expect(runNames(settings).allSatisfy(experiment.store.isFinished))
    // The data order and first loss depend on the seed alone.
    let first = try runNames(settings).filter { $0.hasSuffix("seed1") }.map { try crossEntropy(folder, $0) }
    // (Fused and plain losses round differently.)
    #expect(first.allSatisfy { abs($0 - first[0]) < 1e-5 * first[0] }, "\(first)")

    let report = try experiment.report(command: "dist2 compare run.yaml")
    let text = report.text(quiet)
    for name in ["sft", "vocab", "smooth", "dist", "ntlWasserstein", "ntlMSE", "policyGradient"] {
      #expect(text.contains(name))
    }
    #expect(text.contains("dist against sft"))
    #expect(text.contains("dist against ntlWasserstein"))
    #expect(text.contains("of other seeds they say nothing"))
    let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(page.contains("Right digits by place"))
    #expect(page.contains("Cross entropy in training"))
    #expect(try String(contentsOfFile: folder + "/table.md", encoding: .utf8).contains("| sft |"))

    #expect(
      try JSON(parsing: String(contentsOfFile: folder + "/report.json", encoding: .utf8), path: "")["verdicts"] != nil)

    // The same folder takes no comparison of another run file.
    let changed = try tiny.settings("train.steps=7", "train.validateEvery=6", "evaluate.distribution=true")
    let other = try ComparisonSettings(changed, objectives: [.sft], axes: [], seeds: [1])
    #expect(throws: InputError.self) { try ComparisonExperiment(folder: folder, settings: other) }
  }

  @Test func threeSeedsAreJudgedBySeeds() throws {
    let tiny = try TinyRun()
    let run = try tiny.settings("train.steps=2")
    let settings = try ComparisonSettings(run, objectives: [.sft, .dist], axes: [], seeds: [1, 2, 3], metric: "mae")
    let folder = tiny.folder + "/compare"
    let experiment = try ComparisonExperiment(folder: folder, settings: settings)
    for name in runNames(settings) { try runComparison(named: name, folder: folder, threads: 1) }
    let text = try experiment.report(command: "").text(quiet)
    #expect(text.contains("MAE"))
    #expect((text.contains("seeds") || text.contains("identical")))
    #expect(!text.contains("of other seeds they say nothing"))
  }

  private func runNames(_ settings: ComparisonSettings) -> [String] {
    settings.seeds.flatMap { seed in settings.variants.map { "\($0.preset.rawValue)-seed\(seed)" } }
  }

  /// Cross entropy of a run's first step.
  private func crossEntropy(_ folder: String, _ name: String) throws -> Double {
    guard case .double(let value)? = try MetricsLog.read("\(folder)/runs/\(name)/metrics.jsonl").first?["train/ce"]
    else {
      return .nan
    }
    return value
  }
}
