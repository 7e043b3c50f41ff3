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

  private func settings(_ source: GroundingSettings.Source? = nil) -> GroundingSettings {
    var settings = GroundingSettings(.tiny, source: source)
    settings.side = 32
    return settings
  }

  private func answered(_ cell: GroundingCell, _ experiment: GroundingExperiment) throws -> GroundingCellOutcome {
    guard case .answered(let outcome) = try experiment.store.result(of: cell.name) else {
      throw InputError(path: experiment.store.folder, expected: "a result of \(cell.name)", found: "none")
    }
    return outcome
  }

  /// Cells, one of each objective, become a report; a cell run again is the same.
  @Test func cellsBecomeAReport() throws {
    var settings = settings()
    (settings.presets, settings.sizes, settings.seeds) = ([.sft, .dist], [2, 4, 6], [1, 2])
    let folder = run.folder + "/out", experiment = try GroundingExperiment(folder: folder, settings: settings)
    func text(_ name: String) throws -> Data { try run.bytes("out/" + name) }
    try experiment.prepare(quiet)
    for seed in [1, 2] { try runGroundingCell(named: "school-seed\(seed)", folder: folder, threads: 1) }
    for cell in settings.cells { try runGroundingCell(named: cell.name, folder: folder, threads: 1) }
    guard case .schooled(let losses) = try experiment.store.result(of: "school-seed1") else {
      return #expect(Bool(false), "no schooling is kept")
    }
    #expect(losses.count == 2 && losses.allSatisfy(\.isFinite))
    #expect(try text("models/seed1/model.safetensors") != text("models/seed1-fresh/model.safetensors"))
    let report = try experiment.report(command: "dist2 reproduce grounding")
    #expect(report.table.rows.count == 2 * 3 + 1)
    #expect(report.table.columns.map(\.title).suffix(2) == ["look", "place"])
    for claim in ["**K9** dist finds", "**K9** vocab", "**K8**"] {
      #expect(report.markdown.contains(claim) == (claim != "**K9** vocab"), "\(claim)")
    }
    let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(page.contains("data:image/png") && page.contains("Learnt from 6, seed 1"))
    #expect(report.markdown.contains("No objective finds more than the median box"))
    let cell = settings.cells[1], before = try answered(cell, experiment)
    // One of the four test scenes has nothing that is told by its place.
    #expect(before.answers.mapValues(\.count) == ["look": 4, "place": 3])
    #expect(before.losses.count == 2 && before.examples == 2)
    try runGroundingCell(named: cell.name, folder: folder, threads: 1)
    let again = try answered(cell, experiment)
    #expect(again.losses == before.losses && again.answers == before.answers)
    // Seeds read other expressions and begin with other weights.
    #expect(try text("data/cells/n4-seed1.jsonl") != text("data/cells/n4-seed2.jsonl"))
    #expect(try text("models/seed1/model.safetensors") != text("models/seed2/model.safetensors"))
    settings.sizes = [0]
    #expect(throws: InputError.self) { try settings.check() }
  }

  /// A fresh model learns to see on other scenes, by another convention: a grid of 64, here the picture's own pixels.
  @Test func schoolingHasItsOwnScenesAndGrid() throws {
    let experiment = try GroundingExperiment(folder: run.folder + "/school", settings: settings())
    try experiment.prepare(quiet)
    let folder = run.folder + "/school/school", lines = try JSONLFile(folder + "/train.jsonl")
    #expect(lines.count >= 8)
    for index in 0..<lines.count {
      let line = try lines.record(index), box = try line.at("bbox").elements().map { min(63, Int(try $0.double())) }
      #expect(try line.string(at: "completion") == "\(box)")
      #expect(fileExists(folder + "/" + (try line.at("images").elements()[0].string())))
    }
    let other = try JSONLFile(run.folder + "/school/data/train.jsonl")
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
    var settings = settings(.rows(["mine", "refcoco"].map { "\(run.folder)/\($0).jsonl" }, pictures: nil))
    (settings.presets, settings.testExpressions) = ([.sft], 5)
    let folder = run.folder + "/rows", experiment = try GroundingExperiment(folder: folder, settings: settings)
    try experiment.prepare(quiet)
    for cell in ["school-seed1", settings.cells[0].name] {
      try runGroundingCell(named: cell, folder: folder, threads: 1)
    }
    let outcome = try answered(settings.cells[0], experiment)
    #expect(outcome.examples == 8 && outcome.answers.mapValues(\.count) == ["mine-val": 5, "refcoco-val": 5])
    let report = try experiment.report(command: "")
    // The paper's splits come first, in its order.
    #expect(report.table.columns.map(\.title).suffix(2) == ["refcoco-val", "mine-val"])
    settings.source = .rows(["\(run.folder)/pictures.jsonl"], pictures: nil)
    #expect(throws: InputError.self) {
      try GroundingExperiment(folder: run.folder + "/none", settings: settings).prepare(quiet)
    }
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
    let settings = settings(.rows([folder + "/halves.jsonl"], pictures: nil))
    let experiment = try GroundingExperiment(folder: folder + "/floor", settings: settings)
    try experiment.prepare(quiet)
    let row = try #require(try experiment.report(command: "").table.rows.last)
    #expect(row.last?.value == 75)
  }
}
