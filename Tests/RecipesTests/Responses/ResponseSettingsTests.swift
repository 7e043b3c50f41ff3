// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Testing
import TokenData
import Training

/// What run files say of objectives over whole responses.
@Suite struct ResponseSettingsTests {
  private func settings(_ yaml: String) throws -> RunSettings { try RunSettings(yaml: "model: m\n" + yaml) }

  @Test func numbersAreThePresets() throws {
    let dpo = try settings("objective: { preset: dpo }").objective
    #expect(dpo.choice == .responses(.dpo))
    #expect(dpo.preset == .sft)
    #expect(dpo.parameters.beta == 0.1)
    #expect(dpo.parameters.length == .sum)
    #expect(dpo.smoothing == 0)
    let simpo = try settings("objective: { preset: simpo, beta: 3 }").objective.parameters
    #expect(simpo.beta == 3)
    #expect(simpo.margin == 0.5)
    #expect(simpo.length == .mean)
    #expect(simpo.klCoefficient == nil)
    #expect(try settings("objective: { preset: robustDPO }").objective.smoothing == 0.1)
    #expect(try settings("objective: { preset: infoNCA }").objective.temperature == .value(1))
    #expect(try settings("objective: { preset: sequenceRAML }").objective.choice == .responses(.raml))
    #expect(try settings("objective: { preset: raml }\nmetrics: [{ tokens: digits }]").objective.preset == .raml)
  }

  /// What a file's numbers come to is the library's preset, number for number.
  @Test(arguments: SequencePreset.allCases) func filesMakeTheLibrarysObjectives(preset: SequencePreset) throws {
    let lab = try ResponseLab(), name = ObjectivePreset.responses(preset).rawValue
    let run = try lab.run("{ preset: \(name) }")
    #expect((run.artifacts as? ResponseArtifacts)?.sequence == (try SequenceObjective(preset)))
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    for preset in ObjectivePreset.allCases {
      guard (try? settings("objective: { preset: \(preset.rawValue) }")) != nil else { continue }
      var run = RunSettings(model: "m", objective: ObjectiveSettings(preset))
      if !preset.isOfTokens {
        run.data.records = .group
        run.data.responseFields.scores = "ratings"
        run.reference = ReferenceSettings(mode: .auto)
      }
      let again = try RunSettings(yaml: run.resolved.yaml)
      #expect(again == run, "\(preset.rawValue)")
      #expect(try RunSettings(yaml: run.short().yaml) == run, "\(preset.rawValue)")
    }
    let distilled = RunSettings(
      model: "m", objective: ObjectiveSettings(.distillation(.alignDistilAdaptive)),
      teachers: TeacherSettings(dpo: "a", reverse: "b"),
      train: TrainSettings(earlyStop: EarlyStop(patience: 2)))
    #expect(try RunSettings(yaml: distilled.resolved.yaml) == distilled)
    var judged = RunSettings(model: "m", objective: ObjectiveSettings(.responses(.dpo)))
    judged.train.earlyStop = EarlyStop(patience: 2, measurement: "rewards/accuracies")
    #expect(try RunSettings(yaml: judged.resolved.yaml) == judged)
  }

  /// To choose an objective of tokens is to leave that of responses, with its numbers.
  @Test func presetsOfTokensTakeTheirPlace() throws {
    var objective = try settings("objective: { preset: simpo }").objective
    objective.preset = .sft
    #expect(objective == ObjectiveSettings(preset: .sft))
  }

  @Test(arguments: [
    ("objective: { preset: dpo, gamma: 1 }", ["objective.gamma", "beta, crossEntropy, length, smoothing"]),
    ("objective: { preset: dpo, alpha: 0.5 }", ["objective.alpha", "a key that dpo reads"]),
    ("objective: { preset: dpo, temperature: 3 }", ["objective.temperature"]),
    ("objective: { preset: kto, crossEntropy: 1 }", ["objective.crossEntropy", "unwanted"]),
    ("objective: { preset: sft, beta: 0.1 }", ["objective.beta", "a key that sft reads"]),
    ("objective: { preset: dpoo }", ["objective.preset", "Did you mean dpo?"]),
    ("objective: { preset: criticalDPO }\nteachers: { positive: p }", ["teachers.negative", "criticalDPO reads"]),
    ("objective: { preset: tReg }\nteachers: { positive: p, negative: n }", ["teachers.positive", "Leave it out."]),
    ("objective: { preset: tReg, klCoefficient: 1 }", ["objective.klCoefficient", "weight"]),
    ("objective: { preset: sft }\ndata: { records: preference }", ["data.records", "objective.preset: dpo"]),
    ("objective: { preset: sft }\nreference: { mode: twin }", ["reference", "objective.preset: dpo"]),
    ("objective: { preset: dpo }\nreward: helpsteer2", ["reward", "data.records: group"]),
    ("objective: { preset: dpo }\ndata: { format: codes }", ["objective.preset", "image codes"]),
    ("objective: { preset: gkd }", ["teachers.teacher", "the model that gkd reads"]),
    ("objective: { preset: dpo }\nteachers: { teacher: t }", ["teachers.teacher", "Leave it out"]),
    ("objective: { preset: dckd }\nteachers: { teacher: t, dpo: d }", ["teachers.dpo", "It reads teacher."]),
    ("objective: { preset: dpo }\ntrain: { earlyStop: { patience: 1, by: acuracy } }", ["by", "mean accuracy?"]),
    ("objective: { preset: sft }\ntrain: { earlyStop: { patience: 1, by: accuracy } }", ["train.earlyStop.by"]),
    ("objective: { preset: dpo }\nreference: { mode: adaptersOff }", ["reference.mode", "withoutAdapters"]),
  ]) func contradictionsAreRefused(yaml: String, fragments: [String]) {
    let error = #expect(throws: InputError.self) { try settings(yaml) }
    for fragment in fragments { #expect("\(error.map { "\($0)" } ?? "")".contains(fragment), "\(fragment)") }
  }

  /// Those that need the model, and those of records.
  @Test(arguments: [
    ("{ preset: kto }", "pairs.jsonl", "reference: { mode: precomputed }", ["reference.mode", "mode: twin"]),
    ("{ preset: dpo }", "pairs.jsonl", "reference: { mode: withoutAdapters }", ["reference.mode", "no adapters"]),
    ("{ preset: simpo }", "pairs.jsonl", "reference: { mode: twin }", ["key reference", "reads none"]),
    ("{ preset: orpo, length: sum }", "pairs.jsonl", "", ["objective.preset", "length: mean"]),
    ("{ preset: robustDPO, smoothing: 0.6 }", "pairs.jsonl", "", ["objective.preset", "0 ..< 0.5"]),
    ("{ preset: bco, length: mean }", "single.jsonl", "", ["objective.preset", "length: sum"]),
    ("{ preset: infoNCA }", "pairs.jsonl", "", ["pairs.jsonl", "line 1", "data.records: group"]),
    ("{ preset: dpo }", "single.jsonl", "", ["single.jsonl", "line 1", "data.records: preference"]),
    ("{ preset: kto }", "groups.jsonl", "", ["groups.jsonl", "line 1", "those of group"]),
    ("{ preset: ipo }", "groups.jsonl", "", ["groups.jsonl", "line 1", "3 scored responses"]),
    ("{ preset: dpo }", "steps.jsonl", "", ["steps.jsonl", "line 1", "stepwise"]),
    ("{ preset: tReg }", "pairs.jsonl", "", ["pairs.jsonl", "line 1", "needs rewards", "chosen_rewards"]),
    ("{ preset: sparsePO }", "pairs.jsonl", "", ["pairs.jsonl", "line 1", "needs weights", "chosen_weights"]),
    ("{ preset: criticalDPO }", "half.jsonl", "", ["half.jsonl", "line 2", "needs weights"]),
    ("{ preset: criticalDPO }", "large.jsonl", "", ["large.jsonl", "line 1", "from 0 to 1, found 1.5"]),
    (
      "{ preset: sparsePO }", "short.jsonl", "",
      ["short.jsonl", "line 1, rejected_weights", "3 numbers", "found 2", "dist2 inspect"]
    ),
    ("{ preset: tReg }", "text.jsonl", "", ["text.jsonl", "line 1", "chosen_rewards[1]", "a number"]),
    ("{ preset: dpo }", "plain.jsonl", "", ["plain.jsonl", "line 1", "objective.preset: sft"]),
    ("{ preset: kto }", "single.jsonl", "train: { earlyStop: { patience: 1, by: accuracy } }", ["earlyStop.by"]),
  ]) func whatDoesNotFitIsRefused(objective: String, data: String, more: String, fragments: [String]) throws {
    let lab = try ResponseLab()
    try lab.write("steps.jsonl", #"{"prompt": "w3", "completions": ["w4", "w5"], "labels": [true, false]}"# + "\n")
    try lab.write("plain.jsonl", #"{"prompt": "w3", "completion": "w4"}"# + "\n")
    // Two words and the token that ends them.
    func pair(_ given: String) -> String {
      #"{"prompt": "w3", "chosen": "w4 w6", "rejected": "w5 w7"\#(given)}"# + "\n"
    }
    let weights = #", "chosen_weights": [1, 0, 0.5], "rejected_weights": [0, 1, 1]"#
    try lab.write("half.jsonl", pair(weights) + pair(#", "chosen_weights": [1, 0, 0.5]"#))
    try lab.write("large.jsonl", pair(weights.replacing("0.5", with: "1.5")))
    try lab.write("short.jsonl", pair(weights.replacing("[0, 1, 1]", with: "[0, 1]")))
    try lab.write("text.jsonl", pair(#", "chosen_rewards": [1, "a", 2], "rejected_rewards": [0, 0, 0]"#))
    let error = #expect(throws: InputError.self) {
      let settings = try lab.settings("data: { train: \(data) }\nobjective: \(objective)\n\(more)")
      _ = try TrainRun(try trainingArtifacts(settings), command: "", terminal: quiet).run()
    }
    for fragment in fragments { #expect("\(error.map { "\($0)" } ?? "")".contains(fragment), "\(fragment)") }
    #expect(!fileExists(lab.folder + "/out/checkpoints"))
  }

  /// Records are found by their fields; single responses may be taken from pairs; groups may have labels when asked for.
  @Test func recordsAreFound() throws {
    let lab = try ResponseLab()
    func worths(_ objective: String, _ data: String) throws -> [Int] {
      let settings = try lab.settings("data: \(data)\nobjective: { preset: \(objective) }")
      let artifacts = try ResponseArtifacts(settings)
      return try artifacts.responses(#require(settings.data.train)).examples.map(\.documents.count)
    }
    #expect(try worths("dpo", "{ train: pairs.jsonl }") == [2, 2, 2, 2])
    #expect(try worths("kto", "{ train: pairs.jsonl }") == [Int](repeating: 1, count: 8))
    #expect(try worths("dpo", "{ train: groups.jsonl }") == [3, 3, 3, 3])
    try lab.write("labels.jsonl", #"{"prompt": "w3", "completions": ["w4", "w5"], "labels": [true, false]}"# + "\n")
    #expect(try worths("raft", "{ train: labels.jsonl, records: group }") == [2])
    try lab.write("own.jsonl", #"{"prompt": "w3", "good": "w4", "bad": "w5"}"# + "\n")
    #expect(try worths("dpo", "{ train: own.jsonl, fields: { chosen: good, rejected: bad } }") == [2])
    try lab.write("array.json", #"[{"prompt": "w3", "chosen": "w4", "rejected": "w5"}]"#)
    #expect(try worths("dpo", "{ train: array.json }") == [2])
    try lab.write("table.csv", "prompt,chosen,rejected\nw3,w4,w5\nw3,w6,w5\n")
    #expect(try worths("dpo", "{ train: table.csv }") == [2, 2])
    let helpSteer =
      #"{"split": "train", "prompt": "w3", "response_1": "w4", "response_2": "w5", "preference_strength": "#
    try lab.write("helpsteer.jsonl", helpSteer + "2}\n" + helpSteer + "0}\n")
    #expect(try worths("dpo", "{ train: helpsteer.jsonl, ties: skip }") == [2])
    #expect(throws: InputError.self) { try worths("dpo", "{ train: helpsteer.jsonl }") }
  }
}
