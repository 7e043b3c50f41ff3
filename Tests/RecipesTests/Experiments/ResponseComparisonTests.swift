// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Objectives
import Recipes
import Reports
import Testing

/// `dist2 compare` over objectives of whole responses.
@Suite struct ResponseComparisonTests {
  private func run(_ lab: ResponseLab, _ objective: String, data: String = "pairs.jsonl", _ more: String = "")
    throws -> RunSettings
  {
    try lab.settings(
      "data: { train: \(data), valid: \(data), test: \(data) }\nobjective: \(objective)\n"
        + "train: { steps: 3, batch: 4, learningRate: 1.0e-3, samples: 0, validateEvery: 3 }\n\(more)")
  }

  @Test func variantsAreOfEveryFamilyButOne() throws {
    let lab = try ResponseLab(), settings = try run(lab, "{ preset: dpo, beta: 0.5 }")
    let experiment = try ComparisonExperiment(
      settings, choices: [.responses(.raft), .responses(.dpo), .responses(.simpo)],
      axes: ["objective.beta=0.5,2"], seeds: [1])
    // raft reads no β.
    #expect(experiment.variants == ["raft", "dpo, beta 0.5", "simpo, beta 0.5", "dpo, beta 2", "simpo, beta 2"])
    let mixed = try ComparisonExperiment(settings, choices: [.responses(.dpo)], seeds: [1])
    #expect(mixed.variants == ["dpo"])
    let folder = lab.folder + "/compare"
    #expect(throws: InputError.self) {
      try ExperimentFolder(
        folder, ComparisonExperiment(settings, choices: [.tokens(.sft), .responses(.dpo)], seeds: [1]))
    }
    #expect(throws: InputError.self) {
      try ExperimentFolder(
        folder, ComparisonExperiment(settings, choices: [.responses(.dpo)], seeds: [1], metric: "mae"))
    }
  }

  /// Pairs, of which kto learns each response by itself and all are tested as pairs.
  @Test func pairsAreComparedAndReported() throws {
    let lab = try ResponseLab(), settings = try run(lab, "{ preset: dpo, beta: 0.5 }")
    let choices: [ObjectivePreset] = [.responses(.raft), .responses(.dpo), .responses(.simpo), .responses(.kto)]
    let experiment = try ComparisonExperiment(settings, choices: choices, seeds: [1, 2, 3])
    let folder = try ExperimentFolder(lab.folder + "/compare", experiment)
    try experiment.prepare(in: folder.path, quiet)
    // One pass of the reference model for each way to read the lines, whatever the number of objectives and seeds.
    let shared = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/reference").sorted()
    #expect(shared == ["responses", "single"])
    let parts = folder.path + "/reference/responses/train/part-00000.safetensors"
    let before = try FileManager.default.attributesOfItem(atPath: parts)[.modificationDate] as? Date
    for run in experiment.grid.runs { try folder.run(one: run.name, threads: 1) }
    let after = try FileManager.default.attributesOfItem(atPath: parts)[.modificationDate] as? Date
    #expect(before != nil && before == after)

    let report = try folder.report(command: "dist2 compare"), text = report.text(quiet)
    for name in ["raft", "dpo", "simpo", "kto"] { #expect(text.contains(name), "\(text)") }
    for column in ["accuracy", "expected score", "better is longer", "longer has the higher reward"] {
      #expect(report.markdown.contains(column), "\(text)")  // on a terminal headings take several lines
    }
    #expect(text.contains("dpo against raft"), "\(text)")
    #expect(text.contains("dpo against choosing the longer"), "\(text)")
    #expect(text.contains("over seeds (Student's t)"))
    guard case .array(let verdicts)? = report.json["verdicts"] else { throw CancellationError() }
    #expect(verdicts.count == 3 * 2 + 4)
    #expect(report.json["metric"] == .string("rewards/accuracies"))
    // More seeds and objectives of the same run file.
    let more = try ComparisonExperiment(settings, choices: [.responses(.ipo)], seeds: [4])
    #expect(try ExperimentFolder(lab.folder + "/compare", more).experiment.variants.contains("ipo"))
  }

  @Test func scoresAreCompared() throws {
    let lab = try ResponseLab(), settings = try run(lab, "{ preset: infoNCA, beta: 0.5 }", data: "groups.jsonl")
    let experiment = try ComparisonExperiment(
      settings, choices: [.responses(.infoNCA), .responses(.copg)], seeds: [1], metric: "expectedScore")
    let folder = try ExperimentFolder(lab.folder + "/compare", experiment)
    for run in experiment.grid.runs { try folder.run(one: run.name, threads: 1) }
    let report = try folder.report(command: ""), text = report.text(quiet)
    #expect(text.contains("score of the highest reward"), "\(text)")
    #expect(text.contains("Undecided: one seed"), "\(text)")
    #expect(report.json["metric"] == .string("score/expected"))
  }
}
