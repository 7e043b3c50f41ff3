// SPDX-License-Identifier: Apache-2.0
import Experiments
import TaskData
import Files
import Foundation
import Objectives
import Recipes
import Tabletop
import Testing

/// `--scale paper` is the paper's: settings as they reach training, against a table of what the paper prints (D.3), and
/// against the run files that say the same with comments.
@Suite struct PaperSettingsTests {
  private func grounding() throws -> JSON {
    let settings = GroundingExperiment(
      .paper, source: .rows(["rows.jsonl"], images: nil), model: "models/Phi-3.5-vision")
    let run = try #require(settings.grid.runs.first { $0.variant == "dist" })
    return try settings.settings(run, model: "m", data: "d.jsonl", output: "/tmp/o", examples: 127_000).resolved
  }

  private func manipulation(_ overrides: [String] = []) throws -> (settings: ManipulationExperiment, run: JSON) {
    var settings = ManipulationExperiment(.paper, model: "models/llava-1.5-7b-hf")
    settings.overrides = overrides
    let run = try #require(settings.grid.runs.first { $0.variant == "dist" })
    return (settings, try settings.settings(run, data: "d.jsonl", output: "/tmp/o", examples: 5600).resolved)
  }

  /// A key of a run file as resolved: `train.warmup`.
  private func value(_ run: JSON, _ key: String) -> String? {
    key.split(separator: ".").reduce(run as JSON?) { found, name in
      if let index = Int(name), case .array(let list)? = found {
        return list.indices.contains(index) ? list[index] : nil
      }
      return found?[String(name)]
    }?.text()
  }

  @Test(arguments: [
    ("train.learningRate", "2e-05"), ("train.warmup", "100.0"), ("train.schedule", "\"linear\""),
    // Three epochs of 127K expressions, 32 a step.
    ("train.steps", "\(3 * ((127_000 + 31) / 32))"), ("train.batch", "32"),
    ("data.squareImages", "1024"), ("data.template.chat", "\"phi3-vision\""), ("objective.alpha", "0.1"),
    ("metrics.0.distance.name", "\"squared\""), ("metrics.0.place", "\"number\""),
    ("metrics.0.contrast.kind", "\"none\""),
  ])
  func groundingIsThePapers(key: String, printed: String) throws {
    let run = try grounding()
    #expect(value(run, key) == printed)
  }

  @Test func groundingAsksOnTheGridOfTheImages() {
    let settings = GroundingExperiment(.paper, source: .rows(["rows.jsonl"], images: nil), model: "m")
    #expect(settings.template.side == 1024)
    #expect(settings.grid.sizes == [127_000])
    #expect(settings.grid.variants == ["sft", "vocab", "dist"])
  }

  /// But for what differs from run to run, it is the run file that ships.
  @Test func groundingIsItsRunFile() throws {
    let file = try RunSettings(
      file: "\(configsFolder)/grounding/phi35-vision.yaml", overrides: ["data.folder=", "data.train=d.jsonl"]
    ).resolved
    let run = try grounding()
    for key in [
      "learningRate", "warmup", "schedule", "batch", "packing", "microTokens", "dtype", "device", "optimizer",
      "checkpointActivations", "weightDecay", "betas", "clip",
    ] {
      #expect(value(run, "train.\(key)") == value(file, "train.\(key)"), "\(key)")
    }
    for key in ["template", "squareImages", "maxLength", "tooLong", "end", "splitDigits"] {
      #expect(value(run, "data.\(key)") == value(file, "data.\(key)"), "\(key)")
    }
    for key in ["tokens", "where", "distance", "place", "contrast", "target", "name"] {
      #expect(value(run, "metrics.0.\(key)") == value(file, "metrics.0.\(key)"), "\(key)")
    }
    for key in ["preset", "alpha", "softmax", "divergence"] {
      #expect(value(run, "objective.\(key)") == value(file, "objective.\(key)"), "\(key)")
    }
  }

  @Test(arguments: [
    ("train.learningRate", "2e-05"), ("train.warmup", "0.3"), ("train.schedule", "\"cosine\""),
    // Two epochs.
    ("train.steps", "\(2 * 5600 / 8)"), ("data.template.chat", "\"llava-v1\""), ("objective.alpha", "0.1"),
    ("metrics.0.contrast.kind", "\"none\""), ("metrics.1.contrast.kind", "\"none\""),
    ("metrics.2.contrast.kind", "\"none\""),
    ("metrics.2.distance.name", "\"squared\""), ("metrics.0.place", "\"number\""),
  ])
  func manipulationIsThePapers(key: String, printed: String) throws {
    let run = try manipulation().run
    #expect(value(run, key) == printed)
  }

  @Test func manipulationHasTheTasksSizesAndImagesOfThePaper() throws {
    let settings = try manipulation().settings
    #expect(settings.auxiliary == AuxiliaryTask.allCases)
    #expect(settings.auxiliary?.count == 6)
    #expect(settings.grid.sizes == [800, 8000, 80_000])
    #expect(settings.observation == .image)
    #expect(settings.kinds == TaskKind.allCases)
    #expect(settings.grid.variants == ["sft", "vocab", "dist"])
    #expect(ManipulationExperiment(.paper, model: "m", observation: .boxes).observation == .boxes)
    // The smaller scales are this project's own.
    #expect(ManipulationExperiment(.small, model: "m").auxiliary == nil)
    #expect(ManipulationExperiment(.small, model: "m").observation == .boxes)
  }

  /// What a user sets stands above the scale.
  @Test func overridesWin() throws {
    let run = try manipulation(["train.warmup=0.03"]).run
    #expect(value(run, "train.warmup") == "0.03")
  }

  /// Toy (D.3): about 250 samples, learning rate 2e-5, linear, seeds 1 to 5; ten for Table 5, as its rows say.
  @Test func theToyIsThePapers() {
    let toy = RegressionExperiment(.regression, .paper, model: "m"),
      ablation = RegressionExperiment(.ablation, .paper, model: "m")
    #expect(toy.learningRate == 2e-5)
    #expect(toy.samples == 250)
    #expect(toy.epochs(2) == 125)
    #expect(toy.alpha == 0.1)
    #expect(toy.grid.sizes == (1...10).map(Double.init))
    #expect(toy.grid.seeds == Array(1...5))
    #expect(toy.testProblems == 1000)
    #expect(ablation.grid.sizes == [10])
    #expect(ablation.testProblems == 1000)
    #expect(ablation.grid.variants == Preset.ablations.map(\.rawValue))
  }

  /// Rewards and images have run files in place of a scale (D.3, C.1).
  @Test(arguments: [
    ("reward/dist.yaml", "train.epochs", "2.0"), ("reward/dist.yaml", "train.learningRate", "1e-05"),
    ("reward/dist.yaml", "objective.alpha", "0.1"), ("reward/dist.yaml", "metrics.0.distance.name", "\"squared\""),
    ("images/llamagen-b-dist.yaml", "train.epochs", "300.0"), ("images/llamagen-b-dist.yaml", "objective.alpha", "0.1"),
    ("images/llamagen-b-dist.yaml", "metrics.0.distance.name", "\"meanSquared\""),
  ])
  func runFilesAreThePapers(file: String, key: String, printed: String) throws {
    let run = try RunSettings(file: "\(configsFolder)/\(file)").resolved
    #expect(value(run, key) == printed)
  }
}
