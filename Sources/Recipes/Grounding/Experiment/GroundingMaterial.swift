import Files
import Foundation
import Reports

/// What the cells of a grounding experiment learn from and are asked, in the experiment's folder:
///
///     data/train.jsonl, data/look.jsonl, data/place.jsonl, data/pictures/…
///     school/train.jsonl, …   where the model is a fresh one: what it learns before
///     models/seed1/…          it, schooled; models/seed1-fresh/… as it began
struct GroundingMaterial {
  let folder: String
  let settings: GroundingSettings

  private var data: String { folder + "/data" }
  private var scenes: String { folder + "/school" }
  private var school: GroundingSchool { GroundingSchool(plan: settings.school, side: settings.side) }

  /// Makes what is not there yet: the data whole or not at all.
  ///
  /// - Parameter terminal: where the progress of rendering is shown.
  /// - Throws: `InputError` for rows or pictures that cannot be read, a full disk.
  func prepare(_ terminal: Terminal) throws {
    if !fileExists(data) {
      try AtomicFolder.write(to: data) { partial in
        let rows = try rows(in: partial, terminal)
        _ = try GroundingData(chosen(rows), settings.form).write(to: partial)
      }
    }
    if settings.model == nil, !fileExists(scenes) { try school.writeScenes(to: scenes, terminal) }
  }

  /// Makes the model that a seed begins with, if it is not there yet.
  ///
  /// - Returns: the loss of every step of its schooling.
  func school(seed: Int, _ report: @escaping (WorkerMessage) -> Void) throws -> [Double] {
    let schooled = model(seed: seed), fresh = schooled + "-fresh", steps = settings.school.steps
    if !fileExists(fresh) { try settings.makeModel(seed: seed, at: fresh) }
    return try school.teach(fresh, seed: seed, in: scenes, to: schooled) {
      report(WorkerMessage(phase: "schooling", completed: $0, total: steps, loss: $1))
    }
  }

  /// Folder of the model that a seed begins with.
  func model(seed: Int) -> String { settings.model ?? "\(folder)/models/seed\(seed)" }

  /// Names of the splits that are asked, in order.
  func splits() throws -> [String] {
    if case .scenes = settings.source { return ["look", "place"] }
    let names = try Files.names(inFolder: data).filter { $0.hasSuffix(".jsonl") }
      .map { String($0.dropLast(".jsonl".count)) }.filter { $0 != "train" }
    // The order of Table 1, then the alphabet's.
    let known = PaperGrounding.splits.filter(names.contains)
    return known + names.filter { !known.contains($0) }.sorted()
  }

  func file(_ split: String) -> String { "\(data)/\(split).jsonl" }

  /// The rows of a split, in the order of its file.
  func rows(_ split: String) throws -> [ReferringRow] {
    try GroundingData([file(split)], pictures: nil, settings.form, skipsBad: false).rows.flatMap(\.rows)
  }

  /// The file that a cell learns from: so many expressions, chosen by the seed, the same for all objectives.
  ///
  /// - Returns: its path and how many there are.
  func trainingFile(_ cell: GroundingCell) throws -> (path: String, count: Int) {
    let all = try rows("train"), name = "n\(cell.size)-seed\(cell.seed)", folder = data + "/cells"
    let rows = subsample(all.count, limit: cell.size, seed: UInt64(cell.seed)).map { all[$0].renamed(split: name) }
    if !fileExists("\(folder)/\(name).jsonl") { _ = try GroundingData(rows, settings.form).write(to: folder) }
    return ("\(folder)/\(name).jsonl", rows.count)
  }

  private func rows(in folder: String, _ terminal: Terminal) throws -> [ReferringRow] {
    switch settings.source {
    case .scenes(let training, let test, let side):
      let scenes = RenderedScenes.plain(side: side)
      return try ProgressBar.run("rendering", total: training + test, unit: "scene", terminal: terminal) { bar in
        let learnt = try scenes.write(0..<training, split: "train", to: folder) { bar.update(completed: $0) }
        let asked = try scenes.write(training..<training + test, split: "test", to: folder) {
          bar.update(completed: training + $0)
        }
        return learnt + asked.map { $0.renamed(split: $0.id.hasSuffix("place") ? "place" : "look") }
      }
    case .rows(let files, let pictures):
      return try files.flatMap { file in
        let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        return try GroundingData([file], pictures: pictures, settings.form, skipsBad: false).rows
          .flatMap { split, rows in split == "train" ? rows : rows.map { $0.renamed(split: "\(name)-\(split)") } }
      }
    }
  }

  /// All rows to learn from; of each other split as many as are asked.
  private func chosen(_ rows: [ReferringRow]) throws(InputError) -> [ReferringRow] {
    let bySplit = Dictionary(grouping: rows) { $0.split ?? "train" }
    guard bySplit["train"] != nil, bySplit.count > 1 else {
      throw InputError(
        path: folder, place: "data", expected: "rows of split train and of another to be tested on",
        found: bySplit.keys.sorted().joined(separator: ", "))
    }
    return bySplit.keys.sorted().flatMap { split -> [ReferringRow] in
      let rows = bySplit[split] ?? []
      if split == "train" { return rows }
      return subsample(rows.count, limit: settings.testExpressions, seed: 0).map { rows[$0] }
    }
  }
}

extension ReferringRow {
  fileprivate func renamed(split: String) -> ReferringRow {
    var row = self
    row.split = split
    return row
  }
}
