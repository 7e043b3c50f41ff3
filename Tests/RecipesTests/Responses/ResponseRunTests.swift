// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import Torch
import Training

/// Runs over whole responses from the run file to the checkpoint.
@Suite struct ResponseRunTests {
  // MARK: TRL

  /// Records, tokens, reference model, steps: all that lies between a run file and TRL's numbers.
  @Test(
    arguments: [
      ("dpo", "{ preset: dpo, beta: 0.5 }", "pairs.jsonl", "reference: { mode: precomputed }"),
      ("dpo", "{ preset: dpo, beta: 0.5 }", "pairs.jsonl", "reference: { mode: twin }"),
      ("dpo", "{ preset: dpo, beta: 0.5 }", "pairs.jsonl", "reference: { model: model }"),
      ("ipo", "{ preset: ipo, beta: 0.5 }", "pairs.jsonl", ""),
      ("kto", "{ preset: kto, beta: 0.5, unwanted: 1.5 }", "single.jsonl", ""),
    ])
  func threeStepsEqualTRL(name: String, objective: String, data: String, more: String) throws {
    Torch.threads = 1
    let lab = try ResponseLab(), recorded = try #require(ResponseLab.recorded[name])
    let steps = try lab.run(objective, data: data, more).steps()
    #expect(steps.count == 3)
    for (own, theirs) in zip(steps, recorded.steps) {
      #expect(abs(own.loss - (theirs["loss"] ?? .nan)) < 1e-4, "step \(own.step)")
      for (key, value) in theirs where key != "loss" && !(name == "kto" && key == "rewards/margins") {
        #expect(abs((own.measured[key] ?? .nan) - value) < 1e-4, "step \(own.step) \(key)")
      }
    }
    // The log has what the events have, and how far apart the two models are before the first step.
    let log = try lab.log()
    #expect(log.count { $0["train/rewards/chosen"] != nil && $0["train/logps/chosen"] != nil } == 3)
    let start = try log.compactMap { line in
      try line["start/log_ratio_rms"].map { try JSONReader($0, path: "").double() }
    }
    #expect(start.count == 1 && (start.first ?? 1) < 1e-5)
  }

  // MARK: Presets

  /// Every preset that a run file may name trains from it, on records of its kind.
  @Test(arguments: SequencePreset.allCases) func everyPresetTrains(preset: SequencePreset) throws {
    let lab = try ResponseLab(), name = ObjectivePreset.responses(preset).rawValue
    let reads: String =
      switch preset {
      case .kto, .bco, .implicitPRM: "single.jsonl"
      case .infoNCA, .nca, .copg, .raft, .raml, .plackettLuce: "groups.jsonl"
      case .criticalDPO, .tReg, .sparsePO: "weighted.jsonl"
      default: "pairs.jsonl"
      }
    let steps = try lab.run("{ preset: \(name) }", data: reads).steps()
    #expect(steps.count == 3)
    #expect((steps.last?.loss ?? .infinity) < steps[0].loss)
  }

  @Test(arguments: DistillationPreset.allCases) func everyDistillationTrains(preset: DistillationPreset) throws {
    let lab = try ResponseLab()
    // A teacher of its own: what DPO made of the model.
    let quick = "{ steps: 3, batch: 4, learningRate: 1.0e-2, samples: 0 }"
    _ = try lab.run("{ preset: dpo, beta: 0.5 }", train: quick).run()
    let names: [String] =
      switch preset {
      case .gkd, .dckd: ["teacher"]
      case .alignDistil, .adpa, .adpaKL: ["dpo"]
      case .alignDistilAdaptive: ["dpo", "reverse"]
      case .cfgDistil: ["conditional", "unconditional"]
      }
    let teachers = names.enumerated().map { "\($1): \($0 == 0 ? "out" : "model")" }.joined(separator: ", ")
    try lab.write("plain.jsonl", #"{"prompt": "w4 w5", "completion": "w6 w7"}"# + "\n")
    let plain = [.gkd, .cfgDistil].contains(preset)
    let steps = try lab.run(
      "{ preset: \(preset.rawValue) }", data: plain ? "plain.jsonl" : "pairs.jsonl",
      "teachers: { \(teachers) }", output: "distilled"
    ).steps()
    #expect(steps.count == 3)
    #expect((steps.last?.loss ?? .infinity) < steps[0].loss)
    #expect(steps[0].loss.isFinite && steps[0].gradientNorm > 0)
  }

  // MARK: Reference models

  @Test func adaptersGoBackToTheirModel() throws {
    let lab = try ResponseLab()
    let train = "{ steps: 4, batch: 4, learningRate: 1.0e-2, samples: 0, lora: { rank: 4, targets: [q_proj] } }"
    let run = try lab.run("{ preset: dpo }", train: train)
    let artifacts = try #require(run.artifacts as? ResponseArtifacts)
    #expect(artifacts.mode == .withoutAdapters)
    let off = try run.steps()
    let twin = try lab.run("{ preset: dpo }", "reference: { mode: twin }", train: train, output: "twin").steps()
    #expect(abs(off[0].loss - log(2)) < 1e-6)
    #expect(off[3].loss < off[0].loss)
    for (a, b) in zip(off, twin) { #expect(abs(a.loss - b.loss) < 1e-6) }
    #expect(!fileExists(lab.folder + "/out/reference"))
  }

  @Test func whatWasComputedBeforeIsKeptAndChecked() throws {
    let lab = try ResponseLab(), shared = "reference: { mode: precomputed, folder: shared }"
    let first = try lab.run("{ preset: dpo, beta: 0.5 }", shared).steps()
    let part = lab.folder + "/shared/train/part-00000.safetensors"
    let written = try FileManager.default.attributesOfItem(atPath: part)[.modificationDate] as? Date
    // Another objective on the same data reads the same numbers.
    let second = try lab.run("{ preset: ipo, beta: 0.5 }", shared, output: "second").steps()
    #expect(try FileManager.default.attributesOfItem(atPath: part)[.modificationDate] as? Date == written)
    #expect(first[0].measured["logps/chosen"] == second[0].measured["logps/chosen"])
    // Other data does not, and the entry that differs is named.
    let error = #expect(throws: InputError.self) {
      try lab.run("{ preset: dpo }", data: "pairs.jsonl", shared, output: "third", "data.limit=2").run()
    }
    #expect(error?.place == "examples")
    var rows = ResponseLab.recorded["dpo"]?.records ?? []
    rows.swapAt(0, 1)
    try lab.write("pairs.jsonl", ResponseLab.lines(rows))
    let changed = #expect(throws: InputError.self) { try lab.run("{ preset: dpo }", shared, output: "fourth").run() }
    #expect(changed?.place == "data")
  }

  /// Numbers of another model under a right name: the run does not begin.
  @Test func aReferenceThatIsNotTheStartIsRefused() throws {
    let lab = try ResponseLab()
    _ = try lab.run("{ preset: dpo }").run()
    let path = lab.folder + "/out/reference/train/part-00000.safetensors"
    let file = try SafetensorsFile(path)
    let values = try Tensor(#require(file["values"]), copying: true) - 1
    try SafetensorsWriter.write(
      ["documents", "lengths"].map { name in
        SafetensorsSource(name: name, tensor: try Tensor(#require(file[name]), copying: true))
      } + [SafetensorsSource(name: "values", tensor: values)], to: path)
    let error = #expect(throws: InputError.self) {
      try lab.run("{ preset: dpo }", "reference: { folder: out/reference }", output: "next").run()
    }
    #expect(error?.place == "key reference")
    #expect(error?.found.contains("root mean square") == true)
  }

  @Test func interruptedRunsGoOn() throws {
    let lab = try ResponseLab()
    let train = "{ steps: 6, batch: 2, learningRate: 1.0e-3, samples: 1, checkpointEvery: 2, validateEvery: 3 }"
    func run(_ output: String) throws -> TrainRun {
      let settings = try lab.settings(
        "data: { train: pairs.jsonl, valid: pairs.jsonl }\nobjective: { preset: dpo }\ntrain: \(train)", output: output)
      return TrainRun(try trainingArtifacts(settings), command: "", terminal: quiet)
    }
    let whole = try run("whole").run()
    let first = try run("parts")
    var steps = 0
    first.observe = { if case .step(let step) = $0 { steps = step.step } }
    first.shouldStop = { steps >= 3 }
    #expect(try first.run().reason == .stopped)
    #expect(try run("parts").run().losses == whole.losses)
    let log = try lab.log("parts")
    #expect(log.count { $0["valid/rewards/accuracies"] != nil } == 2)
    let samples = try String(contentsOfFile: lab.folder + "/parts/samples.jsonl", encoding: .utf8)
    #expect(samples.contains("w31 w17"))
    let page = try String(contentsOfFile: lab.folder + "/parts/report.html", encoding: .utf8)
    #expect(page.contains("rewards/accuracies"))
    #expect(page.contains("objective dpo"))
  }

  // MARK: After training

  /// Held-out responses are judged as validation measures them, and the model answers like any other.
  @Test(arguments: ["", "lora: { rank: 4, targets: [q_proj] }"]) func evaluationEqualsValidation(more: String) throws {
    let lab = try ResponseLab()
    let train = "{ steps: 3, batch: 4, learningRate: 1.0e-3, samples: 0, validateEvery: 3, \(more) }"
    let settings = try lab.settings(
      "data: { train: pairs.jsonl, valid: pairs.jsonl }\nobjective: { preset: dpo, beta: 0.5 }\ntrain: \(train)")
    var found: [String: Double] = [:]
    let run = TrainRun(try trainingArtifacts(settings), command: "", terminal: quiet)
    run.observe = {
      if case .validation(let result) = $0 {
        found = Dictionary((result.measurements ?? []).map { ($0.name, $0.value) }) { first, _ in first }
      }
    }
    _ = try run.run()
    let choice = try ModelChoice(lab.folder + "/out"), artifacts = try ResponseArtifacts(choice.artifacts)
    let source = try #require(settings.data.valid)
    #expect(try ResponseEvaluation.reads(source, choice.artifacts.settings))
    let dataset = try artifacts.responses(source)
    let evaluation = try ResponseEvaluation(artifacts, dataset, model: { try choice.load() })
    for name in ["rewards/accuracies", "rewards/margins"] {
      let value = evaluation.value(name)
      #expect(abs(value - (found[name] ?? .nan)) < 1e-5, "\(name)")
    }
    let judged = evaluation.judged
    let mean = judged.reduce(0) { $0 + $1.logps[0] } / Double(judged.count)
    #expect(abs(mean - (found["logps/chosen"] ?? .nan)) < 1e-4)
    #expect(judged[0].worth == ["chosen", "rejected"])
    #expect(judged[0].tokens == [3, 3])
    let answering = Answering(choice.artifacts, longestAnswer: 4)
    let answers = try answering.answers([try answering.item(dataset.record(0).responses[0])], choice.load())
    #expect(answers.count == 1)
  }

  @Test func singleResponsesAreJudgedByClass() throws {
    let lab = try ResponseLab()
    _ = try lab.run("{ preset: kto, beta: 0.5 }", data: "single.jsonl").run()
    let choice = try ModelChoice(lab.folder + "/out"), artifacts = try ResponseArtifacts(choice.artifacts)
    let dataset = try artifacts.responses(#require(artifacts.settings.data.train))
    let evaluation = try ResponseEvaluation(artifacts, dataset, model: { try choice.load() })
    #expect(evaluation.value("rewards/chosen") > 0)
    #expect(evaluation.value("rewards/rejected") < 0)
    #expect(evaluation.value("rewards/area_under_curve") == 1)
  }

  @Test func inspectionShowsWhereThePromptEnds() throws {
    let lab = try ResponseLab()
    let settings = try lab.settings("data: { train: pairs.jsonl }\nobjective: { preset: dpo }")
    let inspection = try ResponseInspection(ResponseArtifacts(settings), count: 1, terminal: quiet)
    let text = inspection.text(quiet)
    #expect(text.contains("w24 w46 w43 w35 ║"))
    #expect(text.contains("chosen, 3 tokens: | w31| w17|</s>"))
    #expect(text.contains("rejected, 3 tokens: | w12| w9|</s>"))
    #expect(text.contains("computed once and kept in"))
    let second = try ResponseInspection(ResponseArtifacts(settings), line: 2, terminal: quiet).text(quiet)
    #expect(second.contains("pairs.jsonl line 2") && !second.contains("pairs.jsonl line 1\n"))
    #expect(throws: InputError.self) { try ResponseInspection(ResponseArtifacts(settings), line: 9, terminal: quiet) }
  }
}

extension ResponseEvaluation {
  /// A figure by its name; not a number where there is none.
  fileprivate func value(_ name: String) -> Double { figures.first { $0.name == name }?.value ?? .nan }
}
