// SPDX-License-Identifier: Apache-2.0
import Recipes
import TaskData
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import Reports
import Torch
import TokenModels
import Training

/// How a randomly initialised model learns to see: it answers with boxes by another convention, on a grid of 64, in
/// scenes that the experiment does not use.
///
/// The published models of section 3.2 could see, and find things, before the paper taught them its own convention from
/// 127,000 expressions. One from nothing needs thousands of steps before the first digit of an answer depends on the
/// image; runs then learn a convention, as in the paper, and not each to see.
struct GroundingPretraining {
  /// How much.
  struct Plan: Codable, Sendable, Equatable {
    var scenes: Int
    var steps: Int
  }

  let plan: Plan
  /// Rows, and pixels of a row, of the images that the model reads.
  let side: Int

  /// The convention: a cell is a pixel of the smallest images.
  private static let template = GroundingTemplate(side: 64, question: "{}")

  /// Writes the scenes with their boxes.
  ///
  /// - Throws: `InputError` if something cannot be written.
  func writeScenes(to folder: String, _ terminal: Terminal) throws {
    try AtomicFolder.write(to: folder) { partial in
      // Another seed than the experiment's scenes have.
      let scenes = RenderedScenes.plain(side: max(64, side), seed: 1)
      let rows = try ProgressBar.run("rendering", total: plan.scenes, unit: "scene", terminal: terminal) { bar in
        try scenes.write(0..<plan.scenes, split: "train", to: partial) { bar.update(completed: $0) }
      }
      let lines = rows.map { row in
        GroundingLine(row, Self.template, image: "pictures/" + URL(fileURLWithPath: row.image).lastPathComponent)
      }
      try writeJSONLines(lines, to: partial + "/train.jsonl")
    }
  }

  /// Pretrains a model; interrupted, it goes on from the last checkpoint.
  ///
  /// - Parameters:
  ///   - untrained: folder of the model.
  ///   - folder: that of the scenes.
  ///   - pretrained: the folder to make; it appears whole or not at all.
  /// - Returns: the loss of every step.
  /// - Throws: `InputError` if something cannot be written, and what training throws.
  func teach(
    _ untrained: String, seed: Int, in folder: String, to pretrained: String, _ context: RunContext
  ) throws -> [Double] {
    var settings = RunSettings(
      model: untrained, data: DataSettings(train: "\(folder)/train.jsonl"), objective: ObjectiveSettings(preset: .sft),
      train: TrainSettings(
        length: .steps(plan.steps), batch: 32, learningRate: 1e-3, schedule: Schedule(.cosine, warmUp: .ratio(0.03)),
        seed: UInt64(seed), checkpointEvery: max(1, plan.steps / 8), keep: 1, samples: 0),
      output: context.output)
    settings.path = "\(folder)/run.yaml"
    let trained = try TrainedRun(settings, context, thenPercent: 0, isResumable: true)
    try trained.model.save(to: pretrained, tokenizer: untrained, replacing: true)
    return trained.losses
  }
}
