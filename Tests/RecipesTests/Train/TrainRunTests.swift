// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import Testing
import Torch
import TorchNN
import Training

@Suite struct TrainRunTests {
  @Test func aRunsFolderHoldsWhatItPromises() throws {
    let tiny = try TinyRun(), run = try tiny.train()
    let finish = try run.run()
    #expect(finish.reason == .completed)
    #expect(finish.step == 12)
    #expect(finish.losses.last! < finish.losses[0])

    let records = try MetricsLog.read(tiny.folder + "/out/metrics.jsonl")
    let steps = records.filter { $0["train/loss"] != nil }
    #expect(steps.count == 12)
    #expect(steps.allSatisfy { $0["train/ce"] != nil && $0["train/sum"] != nil })
    #expect(records.count { $0["valid/loss"] != nil } == 2)
    let page = try String(contentsOfFile: tiny.folder + "/out/report.html", encoding: .utf8)
    #expect(page.contains("finished"))
    #expect(page.contains("<svg"))
    #expect(page.contains("12 of 12"))
    #expect(page.contains("sum 0"))
    // It needs nothing but itself: no address but that of SVG's name space.
    #expect(!page.replacing("http://www.w3.org/2000/svg", with: "").contains(/https?:\/\//))

    // The run file as resolved is a run file, of the same run.
    let again = try RunSettings(file: tiny.folder + "/out/run.yaml", overrides: ["output=\"\(tiny.folder)/out\""])
    let next = TrainRun(try RunArtifacts(again), command: "", terminal: quiet)
    #expect(try next.run().step == 12)

    let samples = try String(contentsOfFile: tiny.folder + "/out/samples.jsonl", encoding: .utf8)
    let moments = samples.split(separator: "\n").map { try? JSON(parsing: String($0), path: "")["step"] }
    #expect(moments.count == 8)
    #expect(moments.first == .int(0))
    #expect(moments.last == .int(12))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: tiny.folder + "/out").contains { $0.contains("tfevents") })

    let best = try #require(finish.best)
    #expect(run.chosenCheckpoint(finish).hasSuffix("step-\(best.step)"))
  }

  @Test func anInterruptedRunGoesOnAsIfNothingHadHappened() throws {
    let whole = try TinyRun(), interrupted = try TinyRun()
    _ = try whole.train().run()
    for stop in [3, 4, 11] {
      let run = try interrupted.train()
      var steps = 0
      run.observe = { if case .step(let step) = $0 { steps = step.step } }
      run.shouldStop = { steps >= stop }
      let finish = try run.run()
      #expect(finish.reason == .stopped)
      #expect(finish.step == stop)
    }
    _ = try interrupted.train().run()
    let weights = "out/checkpoints/step-12/model.safetensors"
    #expect(try whole.bytes(weights) == interrupted.bytes(weights))
    let steps = try MetricsLog.read(interrupted.folder + "/out/metrics.jsonl").filter { $0["train/loss"] != nil }
    #expect(steps.map { $0["step"] } == (1...12).map { JSON.int($0) })
    #expect(try whole.bytes("out/samples.jsonl").count > 0)
  }

  @Test(arguments: [
    ["train.lora={ rank: 2, dropout: 0.2, targets: all-linear }"], ["train.optimizer=adamw8bit"],
    ["train.freeze=[model.layers.0.*, model.embed_tokens]"], ["train.checkpointActivations=true"],
    ["train.dtype=bfloat16"], ["train.microBatch=1"], ["train.microTokens=20"], ["train.packing=0"],
  ])
  func everyWayToTrainGoesOnBitForBit(_ overrides: [String]) throws {
    let whole = try TinyRun(), interrupted = try TinyRun()
    func run(_ tiny: TinyRun, until stop: Int) throws -> FinishMetrics {
      let run = TrainRun(try RunArtifacts(tiny.settings(overrides)), command: "", terminal: quiet)
      var steps = 0
      run.observe = { if case .step(let step) = $0 { steps = step.step } }
      run.shouldStop = { steps >= stop }
      return try run.run()
    }
    let a = try run(whole, until: .max)
    _ = try run(interrupted, until: 5)
    let b = try run(interrupted, until: .max)
    #expect(a.losses == b.losses)
    #expect(a.losses.count == 12)
    #expect(a.losses.last! < a.losses[0])
    let model = try ModelChoice(whole.folder + "/out").load(),
      other = try ModelChoice(interrupted.folder + "/out").load()
    for (x, y) in zip(model.parameters(), other.parameters()) {
      #expect(x.tensor.array(of: Float.self) == y.tensor.array(of: Float.self), "\(x.key)")
    }
  }

  /// Layout and micro-batches are matters of memory and speed: the losses of a whole run stay what they are.
  @Test(arguments: ["train.packing=0", "train.packing=64", "train.microBatch=1", "train.microTokens=24"])
  func layoutDoesNotChangeARun(_ override: String) throws {
    let usual = try TinyRun(), other = try TinyRun()
    let a = try usual.train().run().losses, b = try other.train(override).run().losses
    for (x, y) in zip(a, b) { #expect(abs(x - y) < 2e-4 * max(1, abs(x)), "\(x) \(y)") }
  }

  @Test func earlyStopEndsARun() throws {
    let tiny = try TinyRun()
    let finish = try tiny.train(
      "train.learningRate=1e-12", "train.validateEvery=1", "train.earlyStop={ patience: 2, minDelta: 0.1 }"
    ).run()
    #expect(finish.reason == .stoppedEarly)
    #expect(finish.step == 3)
  }

  @Test func otherSettingsOrDataAreRefusedInTheSameFolder() throws {
    let tiny = try TinyRun()
    _ = try tiny.train().run()
    let other = #expect(throws: InputError.self) { try tiny.train("train.learningRate=0.5").run() }
    #expect(other?.description.contains("train.learningRate: 0.01, now 0.5") == true)
    try TinyRun.sums(17).write(toFile: tiny.folder + "/train.jsonl", atomically: true, encoding: .utf8)
    let changed = #expect(throws: InputError.self) { try tiny.train().run() }
    #expect(changed?.found.contains("changed") == true)
  }

  @Test func aMetricThatFindsNothingIsAnErrorBeforeTraining() throws {
    let words = "{\"prompt\": \"a\", \"completion\": \"b\"}\n"
    let tiny = try TinyRun(data: words)
    let error = #expect(throws: InputError.self) { try tiny.train().run() }
    #expect(error?.place == "metric sum")
    #expect(error?.remedy.contains("dist2 inspect") == true)
    // sft needs none.
    #expect(try tiny.train("objective.preset=sft", "train.batch=1").run().step == 12)
  }

  @Test func aRunWithoutTrainingDataSaysWhichKey() throws {
    let tiny = try TinyRun()
    let error = #expect(throws: InputError.self) { try tiny.train("data.train=null").run() }
    #expect(error?.place == "key data.train")
  }
}
