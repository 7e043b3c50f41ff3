// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import Training

/// Every run file that ships is read, and run as far as it goes without weights.
@Suite struct ConfigsTests {
  static let hasModel = (try? modelFolder(nil)) != nil
  static let files = ((try? FileManager.default.contentsOfDirectory(atPath: configsFolder)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()
  static let comparisons = ((try? FileManager.default.subpathsOfDirectory(atPath: configsFolder)) ?? [])
    .filter { $0.hasSuffix("/compare.yaml") }.sorted()

  static let rewards = ((try? FileManager.default.contentsOfDirectory(atPath: configsFolder + "/reward")) ?? [])
    .filter { $0.hasSuffix(".yaml") && $0 != "human.yaml" }.map { "reward/" + $0 }.sorted()

  static let preferences =
    ((try? FileManager.default.contentsOfDirectory(atPath: configsFolder + "/preferences")) ?? [])
    .filter { $0.hasSuffix(".yaml") }.map { "preferences/" + $0 }.sorted()

  static let manipulation = ["manipulation/text.yaml"]
  // Wants a vocabulary with OpenVLA's actions.
  static let actions = ["manipulation/openvla.yaml"]
  // Run dry in VisionRunTests: they need a model that sees.
  static let grounding = [
    "grounding/llava-1.5-7b.yaml", "grounding/phi35-vision.yaml", "grounding/paligemma2-3b.yaml",
    "grounding/smolvlm-256m.yaml", "grounding/qwen25-vl-3b.yaml", "grounding/qwen3-vl-2b.yaml",
    "grounding/gemma3-4b.yaml", "grounding/llava-onevision-0.5b.yaml",
  ]

  private static let silent = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 80, rows: 24) },
    write: { _ in })

  /// What `dist2 inspect` warns of. Nothing, where nothing is listed.
  private let expectedWarnings: [String: [String]] = [:]

  @Test func thereAreRunFiles() {
    #expect(Self.files.count >= 7)
    #expect(Self.comparisons.count >= 2)
    #expect(Self.rewards.count == 10)
    #expect(Self.preferences.count == 6)
  }

  /// The comment at the top says which command to type, and names the file itself.
  @Test(arguments: files + comparisons + rewards + preferences + manipulation + grounding + actions)
  func theCommandNamesTheFile(
    file: String
  )
    throws
  {
    let text = try String(contentsOfFile: "\(configsFolder)/\(file)", encoding: .utf8)
    let commands = text.split(separator: "\n").prefix { $0.hasPrefix("#") }.filter { $0.contains("dist2 ") }
    #expect(commands.contains { $0.contains("Configs/\(file)") }, "\(commands)")
  }

  @Test(.enabled(if: hasModel, "the default model is not in the cache"), arguments: files + manipulation)
  func runFilesRunDry(file: String) throws {
    try expectDryRun(file, RunSettings(file: "\(configsFolder)/\(file)", overrides: ["model=\(try modelFolder(nil))"]))
  }

  /// Their data is not in the repository; scores stand in for it.
  @Test(.enabled(if: hasModel, "the default model is not in the cache"), arguments: comparisons)
  func comparisonsRunDry(file: String) throws {
    try expectDryRun(
      file,
      RunSettings(
        file: "\(configsFolder)/\(file)",
        overrides: ["model=\(try modelFolder(nil))", "data.folder=", "data.train=../samples/scores.jsonl"]))
  }

  /// With the default model and a few lines in place of HelpSteer2: every objective of reward models has its batches.
  @Test(.enabled(if: hasModel, "the default model is not in the cache"), arguments: rewards)
  func rewardModelsRunDry(file: String) throws {
    let sample = "../samples/helpsteer2.jsonl"
    let settings = try RunSettings(
      file: "\(configsFolder)/\(file)",
      overrides: [
        "model=\(try modelFolder(nil))", "data.train=\(sample)", "data.valid=\(sample)", "data.test=\(sample)",
        "train.dtype=float32", "train.device=cpu", "train.batch=2",
      ])
    try expectDryRun(file, settings)
    let artifacts = try RunArtifacts(settings), train = try artifacts.dataset(#require(settings.data.train))
    let source = try artifacts.batches(train, shuffled: true)
    let batch = try #require(try source.batches(ofStep: 0).first), supervision = batch.supervision
    let preset = settings.objective.preset
    let compares = preset.rating != nil && preset != .regression
    #expect(supervision.ratings.isEmpty == (preset != .regression))
    #expect(supervision.comparisons.isEmpty == !compares)
    #expect(supervision.logitRows.isEmpty == (preset.rating != nil))
  }

  /// With a tiny model, which knows none of the samples' words: the data is read and batched for the objective.
  @Test(arguments: preferences) func preferencesRunDry(file: String) throws {
    let lab = try ResponseLab(), model = "\(lab.folder)/model"
    let common = ["model=\(model)", "data.template=none", "output=\(lab.folder)/out", "data.maxLength=64"]
    // Conversations need a template, which the tiny model does not have.
    let own = ["teachers.teacher=\(model)", "data.train=\(lab.folder)/pairs.jsonl", "data.records=preference"]
    let weighing = ["teachers.positive=\(model)", "teachers.negative=\(model)"]
    let settings = try RunSettings(
      file: "\(configsFolder)/\(file)",
      overrides: common
        + (file.hasSuffix("distil.yaml") ? own : []) + (file.hasSuffix("critical.yaml") ? weighing : []))
    let artifacts = try ResponseArtifacts(settings)
    for path in Set([settings.data.train, settings.data.valid].compactMap { $0 }) {
      let dataset = try artifacts.responses(path)
      #expect(dataset.count > 3 && dataset.summary.skippedCount == 0, "\(file)")
    }
    let train = try artifacts.responses(#require(settings.data.train))
    let batch = try #require(try artifacts.batches(train, shuffled: true).batches(ofStep: 0).first)
    #expect(!batch.supervision.groups.isEmpty)
    #expect(artifacts.remarks.isEmpty, "\(file)")
  }

  private func expectDryRun(_ file: String, _ settings: RunSettings) throws {
    let artifacts = try RunArtifacts(settings)
    #expect(artifacts.distanceLosses.count == settings.metrics.count)
    for path in Set([settings.data.train, settings.data.valid, settings.data.test].compactMap { $0 }) {
      let dataset = try artifacts.dataset(path)
      #expect(dataset.count > 0, "\(file)")
      #expect(dataset.summary.skippedCount == 0, "\(file)")
      #expect(dataset.summary.cut == 0, "\(file)")
      for (metric, counts) in zip(settings.metrics, dataset.summary.metrics) {
        #expect(counts.tokens > 0, "\(file): \(metric.name) finds \(counts)")
        #expect(counts.uncovered == 0, "\(file): \(metric.name) finds \(counts)")
        #expect(counts.examples == dataset.count, "\(file): \(metric.name) finds \(counts)")
      }
      for index in 0..<dataset.count {
        let example = try dataset.example(index)
        let learns = example.supervised.dropFirst().contains(true)
        #expect(learns == (settings.objective.preset.rating == nil), "\(example.source)")
        for metric in example.metrics {
          #expect(example.ids[metric.position] == artifacts.distanceLosses[metric.metric].space.ids[metric.candidate])
        }
      }
    }
    let inspection = try Inspection(artifacts, terminal: Self.silent)
    // The samples are few lines, and all splits at once: what is said of that is not about the run file.
    let ofSamples = ["are in train as well", "are in valid as well", "digits before the point: with zeros in front"]
    let warnings = inspection.warnings.filter { warning in !ofSamples.contains { warning.contains($0) } }
    #expect(warnings == expectedWarnings[file] ?? [], "\(file)")
  }
}
