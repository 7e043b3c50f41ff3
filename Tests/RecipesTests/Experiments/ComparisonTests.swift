// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing

@Suite struct ComparisonTests {
  @Test func variantsAreObjectivesAtThePointsThatChangeThem() throws {
    let tiny = try TinyRun(), run = try tiny.settings()
    let settings = try ComparisonExperiment(
      run, objectives: [.sft, .vocab, .dist], axes: ["objective.temperature=1,2,4", "data.limit=8,16"], seeds: [1, 2])
    // sft and vocab know no τ: 2 variants each; dist 6.
    #expect(settings.compared.count { $0.preset == .sft } == 2)
    #expect(settings.compared.count { $0.preset == .vocab } == 2)
    #expect(settings.compared.count { $0.preset == .dist } == 6)
  }

  @Test(arguments: ["objective.temperature", "=1", "train.epochs=1,,2", "train.epoch=1", "train.steps=many"])
  func axesThatMeanNothingAreRefusedBeforeAnythingRuns(_ axis: String) throws {
    let tiny = try TinyRun(), run = try tiny.settings()
    #expect(throws: InputError.self) {
      try ComparisonExperiment(run, objectives: [.sft], axes: [axis], seeds: [1])
    }
  }

  /// What differs is named, and nothing that a folder may hold beside its own.
  @Test func whatDiffersFromTheFolderIsNamed() throws {
    let tiny = try TinyRun(), folder = tiny.folder + "/compare"
    func comparison(_ objectives: [Preset], seeds: [Int], _ overrides: String...) throws -> ComparisonExperiment {
      try ComparisonExperiment(tiny.settings(overrides), objectives: objectives, seeds: seeds)
    }
    _ = try ExperimentFolder(folder, comparison([.sft, .dist], seeds: [1, 2]))
    let error = #expect(throws: InputError.self) {
      try ExperimentFolder(folder, comparison([.vocab], seeds: [3], "train.batch=2", "data.limit=8"))
    }
    #expect(error?.found == "other settings: data.limit: null, now 8; train.batch: 4, now 2")
    let many = #expect(throws: InputError.self) {
      try ExperimentFolder(
        folder,
        comparison(
          [.sft], seeds: [1], "train.batch=2", "data.limit=8", "train.steps=3", "train.learningRate=0.5", "train.keep=1"
        ))
    }
    #expect(many?.found.hasSuffix("; and 1 more") == true)
    #expect(throws: Never.self) { try ExperimentFolder(folder, comparison([.sft], seeds: [1])) }
  }

  /// A report is of all that a folder holds: what was not asked for this time is said.
  @Test func whatAFolderHoldsBesidesIsSaid() throws {
    let tiny = try TinyRun(), folder = tiny.folder + "/compare", run = try tiny.settings()
    func remark(_ objectives: [Preset], _ seeds: [Int]) throws -> String? {
      try ExperimentFolder(folder, ComparisonExperiment(run, objectives: objectives, seeds: seeds)).remark
    }
    #expect(try remark([.sft, .dist], [1, 2]) == nil)
    #expect(try remark([.sft, .dist], [1, 2]) == nil)
    let more = try #require(try remark([.sft, .vocab], [1, 2, 3]))
    #expect(more.contains("holds sft, dist with seeds 1, 2 already"))
    #expect(more.contains("the report, which is replaced, will be of all"))
  }

  /// A folder that an earlier version began, with the keys of that version.
  @Test func foldersOfEarlierVersionsGoOn() throws {
    let tiny = try TinyRun()
    let settings = try ComparisonExperiment(
      tiny.settings("data.squareImages=64"), objectives: [.sft, .dist], seeds: [1])
    let folder = tiny.folder + "/compare", path = folder + "/settings.json"
    _ = try ExperimentFolder(folder, settings)
    var text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("\"arms\""))
    #expect(text.contains("\\n  squareImages: 64\\n"))
    #expect(text.contains("delimiters: "))
    text = text.replacing("squareImages", with: "squarePictures").replacing("delimiters", with: "marks")
    try AtomicFile.write(text.utf8, to: path)
    #expect(try ExperimentFolder(folder, settings).experiment == settings)
  }

  @Test func runsRunAreKeptAndReported() throws {
    let tiny = try TinyRun()
    let run = try tiny.settings("train.steps=6", "evaluate.distribution=true")
    let settings = try ComparisonExperiment(
      run, objectives: [.sft, .vocab, .smooth, .dist, .ntlWasserstein, .ntlMSE, .policyGradient], axes: [],
      seeds: [1, 2])
    let folder = tiny.folder + "/compare"
    let comparison = try ExperimentFolder(folder, settings)
    for run in settings.grid.runs { try comparison.run(one: run.name, threads: 1) }
    #expect(try settings.grid.runs.allSatisfy { try comparison.outcome($0.name) != nil })
    // The data order and first loss depend on the seed alone.
    let first = try settings.grid.runs.filter { $0.seed == 1 }.map { try crossEntropy(folder, $0.name) }
    // (Fused and plain losses round differently.)
    #expect(first.allSatisfy { abs($0 - first[0]) < 1e-5 * first[0] }, "\(first)")

    let report = try comparison.report(command: "dist2 compare run.yaml")
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
    let other = try ComparisonExperiment(changed, objectives: [.sft], seeds: [1])
    #expect(throws: InputError.self) { try ExperimentFolder(folder, other) }
  }

  @Test func threeSeedsAreJudgedBySeeds() throws {
    let tiny = try TinyRun()
    let run = try tiny.settings("train.steps=2")
    let settings = try ComparisonExperiment(run, objectives: [.sft, .dist], seeds: [1, 2, 3], metric: "mae")
    let folder = tiny.folder + "/compare"
    let comparison = try ExperimentFolder(folder, settings)
    for run in settings.grid.runs { try comparison.run(one: run.name, threads: 1) }
    let text = try comparison.report(command: "").text(quiet)
    #expect(text.contains("MAE"))
    #expect((text.contains("seeds") || text.contains("identical")))
    #expect(!text.contains("of other seeds they say nothing"))
  }

  @Test func comparisonsTakeMoreSeedsAndObjectives() throws {
    let tiny = try TinyRun(), folder = tiny.folder + "/compare"
    func settings(_ objectives: [Preset], _ seeds: [Int]) throws -> ComparisonExperiment {
      try ComparisonExperiment(tiny.settings(), objectives: objectives, seeds: seeds)
    }
    _ = try ExperimentFolder(folder, settings([.sft], [1]))
    let more = try ExperimentFolder(folder, settings([.sft, .value], [1, 2]))
    #expect(more.experiment.compared.map(\.preset) == [.sft, .value])
    #expect(more.experiment.seeds == [1, 2])
    let other = try ComparisonExperiment(
      tiny.settings("train.steps=13"), objectives: [.sft], seeds: [1])
    #expect(throws: InputError.self) { try ExperimentFolder(folder, other) }
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
