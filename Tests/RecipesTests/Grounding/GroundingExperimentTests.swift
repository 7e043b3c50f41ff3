// SPDX-License-Identifier: Apache-2.0
import Experiments
import TaskData
import Evaluation
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing
import TokenData

/// The grounding experiment from rendered scenes, and from rows, to its report.
@Suite struct GroundingExperimentTests {
  private let run: TinyRun

  init() throws { run = try TinyRun(data: TinyRun.sums(2), yaml: "model: model\n") }

  private func experiment(_ source: GroundingExperiment.Source? = nil) -> GroundingExperiment {
    var experiment = GroundingExperiment(.tiny, source: source)
    experiment.side = 32
    return experiment
  }

  private func prepared(_ name: String, _ experiment: GroundingExperiment) throws -> ExperimentFolder<
    GroundingExperiment
  > {
    let folder = try ExperimentFolder(run.folder + "/" + name, experiment)
    try experiment.prepare(in: folder.path, quiet)
    return folder
  }

  /// Runs, one of each objective, become a report; a run made again is the same.
  @Test func runsBecomeAReport() throws {
    var experiment = experiment()
    (experiment.grid.variants, experiment.grid.sizes, experiment.grid.seeds) = (["sft", "dist"], [2, 4, 6], [1, 2])
    let folder = try prepared("out", experiment)
    func text(_ name: String) throws -> Data { try run.bytes("out/" + name) }
    for name in experiment.stages.flatMap(\.runs) + experiment.grid.runs.map(\.name) {
      try folder.run(one: name, threads: 1)
    }
    let losses = try #require(try folder.artifact("pretraining-seed1"))
    #expect(losses.count == 2)
    #expect(losses.allSatisfy { $0.isFinite })
    #expect(try text("models/seed1/model.safetensors") != text("models/seed1-fresh/model.safetensors"))
    let report = try folder.report(command: "dist2 reproduce grounding")
    #expect(report.tables[0].rows.count == 2 * 3 + 1)
    #expect(report.tables[0].columns.map(\.title).suffix(2) == ["look", "place"])
    for claim in ["**K9** dist finds", "**K9** vocab", "**K8**"] {
      #expect(report.markdown.contains(claim) == (claim != "**K9** vocab"), "\(claim)")
    }
    let page = try String(contentsOfFile: folder.path + "/report.html", encoding: .utf8)
    #expect(page.contains("data:image/png"))
    #expect(page.contains("Learnt from 6, seed 1"))
    #expect(report.markdown.contains("No objective finds more than the median box"))
    let name = experiment.grid.runs[1].name, before = try #require(try folder.outcome(name))
    // One of the four test scenes has nothing that is told by its place.
    #expect(before.answers.mapValues(\.count) == ["look": 4, "place": 3])
    #expect(before.losses.count == 2)
    #expect(before.examples == 2)
    try folder.run(one: name, threads: 1)
    let again = try #require(try folder.outcome(name))
    #expect(again.losses == before.losses)
    #expect(again.answers == before.answers)
    // Seeds read other expressions and begin with other weights.
    #expect(try text("data/runs/n4-seed1.jsonl") != text("data/runs/n4-seed2.jsonl"))
    #expect(try text("models/seed1/model.safetensors") != text("models/seed2/model.safetensors"))
    experiment.grid.sizes = [0]
    #expect(throws: InputError.self) { try experiment.validate() }
  }

  /// What runs side by side read is written before any of them begins: while one writes, another would fail.
  @Test func runsWriteNoData() throws {
    var experiment = experiment()
    (experiment.grid.variants, experiment.grid.sizes) = (["sft", "dist"], [2, 4])
    experiment.model = run.folder + "/model"
    let folder = try prepared("side", experiment), data = folder.path + "/data"
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: data + "/runs").sorted() == [
        "n2-seed1.jsonl", "n4-seed1.jsonl",
      ])
    let lock = try FileLock(folder: data + "/runs")
    defer { lock.unlock() }
    // The model of this test does not see; that is found out after the data was read.
    let error = #expect(throws: InputError.self) { try folder.run(one: "dist-n4-seed1", threads: 1) }
    #expect(error?.found != "that another process is writing it")
    #expect(error?.description.contains("text alone") == true)
  }

  /// A fresh model learns to see on other scenes, by another convention: a grid of 64, here the image's own pixels.
  @Test func pretrainingHasItsOwnScenesAndGrid() throws {
    _ = try prepared("out", experiment())
    let folder = run.folder + "/out/pretraining", lines = try JSONLFile(folder + "/train.jsonl")
    #expect(lines.count >= 8)
    for index in 0..<lines.count {
      let line = try lines.record(index), box = try line.at("bbox").elements().map { min(63, Int(try $0.double())) }
      #expect(try line.string(at: "completion") == "\(box)")
      #expect(fileExists(folder + "/" + (try line.at("images").elements()[0].string())))
    }
    let other = try JSONLFile(run.folder + "/out/data/train.jsonl")
    #expect(try lines.record(0).string(at: "sent") != other.record(0).string(at: "sent"))
  }

  /// Rows of a split train are learnt from, and each other split of each file is a column.
  @Test func rowsHaveTheirSplits() throws {
    let scenes = RenderedScenes(side: 64)
    for (name, first) in [("refcoco", 0), ("mine", 6)] {
      var rows = try scenes.write(first..<first + 3, split: "train", to: run.folder)
      rows += try scenes.write(first + 3..<first + 6, split: "val", to: run.folder)
      let lines = rows.map { row in
        let box = [row.box.x1, row.box.y1, row.box.x2, row.box.y2]
        return "{\"image\": \"\(row.image)\", \"sent\": \"\(row.expression)\", \"bbox\": \(box), \"width\": 64, "
          + "\"height\": 64, \"split\": \"\(row.split ?? "")\"}\n"
      }
      try AtomicFile.write(lines.joined().utf8, to: "\(run.folder)/\(name).jsonl")
    }
    var experiment = experiment(.rows(["mine", "refcoco"].map { "\(run.folder)/\($0).jsonl" }, images: nil))
    (experiment.grid.variants, experiment.testExpressions) = (["sft"], 5)
    let folder = try prepared("rows", experiment), name = experiment.grid.runs[0].name
    for name in ["pretraining-seed1", name] { try folder.run(one: name, threads: 1) }
    let outcome = try #require(try folder.outcome(name))
    #expect(outcome.examples == 8)
    #expect(outcome.answers.mapValues(\.count) == ["mine-val": 5, "refcoco-val": 5])
    let report = try folder.report(command: "")
    // The paper's splits come first, in its order.
    #expect(report.tables[0].columns.map(\.title).suffix(2) == ["refcoco-val", "mine-val"])
    experiment.source = .rows(["\(run.folder)/none.jsonl"], images: nil)
    #expect(throws: InputError.self) { try prepared("none", experiment) }
  }

  /// The median box of training rows is what the report calls the floor, by hand: all boxes but one are the left half.
  @Test func theFloorIsTheMedianBox() throws {
    let folder = run.folder
    _ = try RenderedScenes(side: 64).write(0..<1, split: "train", to: folder)
    func line(_ box: String, _ split: String) -> String {
      "{\"image\": \"pictures/0.png\", \"sent\": \"x\", \"bbox\": \(box), \"width\": 64, \"height\": 64, "
        + "\"split\": \"\(split)\"}\n"
    }
    let left = "[0, 0, 32, 64]", right = "[32, 0, 64, 64]"
    let lines =
      [line(left, "train"), line(left, "train"), line(right, "train")]
      + [left, left, left, right].map { line($0, "test") }
    try AtomicFile.write(lines.joined().utf8, to: folder + "/halves.jsonl")
    let kept = try prepared("floor", experiment(.rows([folder + "/halves.jsonl"], images: nil)))
    let row = try #require(try kept.report(command: "").tables[0].rows.last)
    #expect(row.last?.value == 75)
  }
}
