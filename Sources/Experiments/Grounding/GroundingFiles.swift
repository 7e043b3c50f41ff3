// SPDX-License-Identifier: Apache-2.0
import Recipes
import TaskData
import Files
import Foundation
import Reports
import TokenData

/// Data of the runs of a grounding experiment, in the experiment's folder:
///
///     data/train.jsonl, data/look.jsonl, data/place.jsonl, data/images/…
///     data/runs/n160-seed1.jsonl, …   what the runs of a size and a seed learn from
///     pretraining/train.jsonl, …      where the model is a randomly initialised one: what it learns before
///     models/seed1/…                  it, pretrained; models/seed1-fresh/… as it began
struct GroundingFiles {
  let folder: String
  let settings: GroundingExperiment

  private var data: String { folder + "/data" }
  private var scenes: String { folder + "/pretraining" }
  private var pretraining: GroundingPretraining {
    GroundingPretraining(plan: settings.pretraining, side: settings.side)
  }

  /// Makes what is not there yet: the data whole or not at all, and a file for each size and seed, before any run
  /// begins. Runs side by side would write the same files.
  ///
  /// - Parameter terminal: where the progress of rendering is shown.
  /// - Throws: `InputError` for rows or images that cannot be read, a full disk.
  func prepare(_ terminal: Terminal) throws {
    if !fileExists(data) {
      try AtomicFolder.write(to: data) { partial in
        let rows = try rows(in: partial, terminal)
        _ = try GroundingData(chosen(rows), settings.template).write(to: partial)
      }
    }
    if settings.model == nil, !fileExists(scenes) { try pretraining.writeScenes(to: scenes, terminal) }
    try writeTrainingFiles()
  }

  private func writeTrainingFiles() throws {
    let places = settings.grid.seeds.flatMap { seed in settings.grid.conditions.map { (seed, $0) } }
    let missing = places.map { settings.grid.run("", $1, seed: $0) }.filter { !fileExists(trainingPath($0)) }
    guard !missing.isEmpty else { return }
    let all = try rows("train")
    for run in missing {
      let chosen = subsample(all.count, limit: run.count, seed: UInt64(run.seed)).map { all[$0] }
      _ = try GroundingData(chosen.map { $0.renamed(split: trainingName(run)) }, settings.template).write(
        to: data + "/runs")
    }
  }

  private func trainingName(_ run: GridRun) -> String { "n\(run.count)-seed\(run.seed)" }
  private func trainingPath(_ run: GridRun) -> String { "\(data)/runs/\(trainingName(run)).jsonl" }

  /// The file that a run learns from: so many expressions, chosen by the seed, the same for all objectives.
  ///
  /// - Returns: its path and how many there are.
  func trainingFile(_ run: GridRun) throws -> (path: String, count: Int) {
    (trainingPath(run), try JSONLFile(trainingPath(run)).count)
  }

  /// Makes the model that a seed begins with, if it is not there yet.
  ///
  /// - Returns: the loss of every step of its pretraining.
  func pretrain(seed: Int, _ context: RunContext) throws -> [Double] {
    let pretrained = model(seed: seed), untrained = pretrained + "-fresh"
    if !fileExists(untrained) { try settings.makeModel(seed: seed, at: untrained) }
    return try pretraining.teach(untrained, seed: seed, in: scenes, to: pretrained, context)
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
    try GroundingData([file(split)], images: nil, settings.template, skipsBad: false).rows.flatMap(\.rows)
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
    case .rows(let files, let images):
      return try files.flatMap { file in
        let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        return try GroundingData([file], images: images, settings.template, skipsBad: false).rows
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
