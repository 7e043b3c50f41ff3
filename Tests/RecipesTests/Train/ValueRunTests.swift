// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import Testing
import TorchNN
import Training

/// Runs that teach whole values.
@Suite struct ValueRunTests {
  @Test(arguments: ["value", "valueDrawn", "raml"]) func goesOnBitForBit(_ preset: String) throws {
    let whole = try TinyRun(), interrupted = try TinyRun()
    func run(_ tiny: TinyRun, until stop: Int) throws -> FinishMetrics {
      let run = try tiny.train("objective.preset=\(preset)", "metrics.0.scale=2", "train.microBatch=1")
      var steps = 0
      run.observe = { if case .step(let step) = $0 { steps = step.step } }
      run.shouldStop = { steps >= stop }
      return try run.run()
    }
    let a = try run(whole, until: .max)
    _ = try run(interrupted, until: 5)
    #expect(try run(interrupted, until: .max).losses == a.losses)
    #expect(a.losses.last! < a.losses[0])
    let weights = "out/checkpoints/step-12/model.safetensors"
    #expect(try whole.bytes(weights) == interrupted.bytes(weights))
  }

  @Test(arguments: ["train.packing=0", "train.packing=64", "train.microBatch=1", "train.microTokens=24"])
  func layoutDoesNotChangeARun(_ override: String) throws {
    let drawn = ["objective.preset=valueDrawn", "metrics.0.scale=2"]
    func losses(_ overrides: [String]) throws -> [Double] {
      let tiny = try TinyRun()
      return try TrainRun(try RunArtifacts(tiny.settings(drawn + overrides)), command: "", terminal: quiet).run().losses
    }
    for (x, y) in zip(try losses([]), try losses([override])) { #expect(abs(x - y) < 2e-4 * max(1, abs(x))) }
  }

  /// A loss term that is 0 throughout is no curve: the page says why it is missing.
  @Test(arguments: [("valueDrawn", true), ("value", false)])
  func pagesSayWhyThereIsNoCrossEntropy(_ preset: String, isReplaced: Bool) throws {
    let tiny = try TinyRun()
    _ = try tiny.train("objective.preset=\(preset)", "metrics.0.scale=2").run()
    let page = try String(contentsOfFile: tiny.folder + "/out/report.html", encoding: .utf8)
    #expect(page.contains("<title>Cross entropy</title>") == !isReplaced)
    #expect(page.contains("No chart of the cross entropy: it is 0 at every step") == isReplaced)
    #expect(page.contains("<title>Loss</title>"))
  }

  /// Lines that cannot be read are why there is no number, and are named; answers without one are called so.
  @Test(arguments: [
    (#"{"prompt": "p", "chosen": ["1", "2"], "rejected": ["3", "4"]}"#, "dist2 evaluate RUN --pairs FILE"),
    (#"{"prompt": "p", "completon": "1"}"#, "Is \"completon\" meant to be it?"),
    (#"{"prompt": "p", "completion": "none"}"#, "expected a number in at least one training answer, found none in 2"),
    (#"{"prompt": "p", "completion": ""}"#, "leave such lines out: data.skipBad: true, or --skip-bad"),
  ]) func noNumberSaysWhy(line: String, words: String) throws {
    let tiny = try TinyRun(data: line + "\n" + line + "\n")
    let error = #expect(throws: InputError.self) { try tiny.artifacts("objective.preset=valueDrawn") }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test func learnsTheFormatAndKeepsIt() throws {
    let tiny = try TinyRun()
    let artifacts = try tiny.artifacts("objective.preset=valueDrawn", "metrics.0.scale=2")
    let rule = try #require(artifacts.teacher?.rules[0])
    // The sums are 0 and 10; a twentieth of 11 values is one more, and nothing below 0.
    #expect(rule.target.format == (try ValueFormat(indices: 0...11)))
    #expect(rule.target.scale == .width(2))
    #expect(rule.target.distance == .squared)
    #expect(rule.draw == 1)
    #expect(rule.crossEntropy == .replaced)
    #expect(rule.isTaught)
    guard case .array(let metrics)? = artifacts.settings.resolved["metrics"] else { throw CancellationError() }
    #expect(metrics[0]["values"]?["range"] == [0.0, 11.0])

    // The run's own file says it, so the training file need not be there later.
    try artifacts.settings.resolved.yaml.write(toFile: tiny.folder + "/later.yaml", atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(atPath: tiny.folder + "/train.jsonl")
    #expect(try RunArtifacts(RunSettings(file: tiny.folder + "/later.yaml")).teacher == artifacts.teacher)
  }

  @Test func presetsDecide() throws {
    let tiny = try TinyRun()
    #expect(try tiny.artifacts().teacher == nil)
    #expect(try tiny.artifacts("objective.preset=sft", "metrics.0.target=value").teacher == nil)
    let value = try #require(try tiny.artifacts("objective.preset=dist", "metrics.0.target=value").teacher?.rules[0])
    #expect(value.draw == 0)
    #expect(value.crossEntropy == .kept)
    let raml = try #require(try tiny.artifacts("objective.preset=raml", "metrics.0.draw=0.5").teacher?.rules[0])
    #expect(raml.draw == 0.5)
    #expect(!raml.isTaught)
    #expect(try tiny.artifacts("objective.preset=value").settings.objective.alpha == 1)
    #expect(try tiny.artifacts("objective.preset=dist").settings.objective.alpha == 0.1)
  }

  /// A width that nobody gives is a share of the answers' standard deviation, two fifths of so few, and is kept in the
  /// run.
  @Test func widthsAreFoundAndKept() throws {
    let answers = [3, 9, 14, 27, 8, 12]
    let tiny = try TinyRun(
      data: answers.enumerated().map { "{\"prompt\": \"\($0.offset) =\", \"completion\": \"\($0.element)\"}\n" }
        .joined())
    func scale(_ overrides: String...) throws -> ValueScale? {
      let artifacts = try RunArtifacts(tiny.settings(["objective.preset=value"] + overrides))
      // What is written down gives the same again.
      let again = try RunArtifacts(RunSettings(yaml: artifacts.settings.resolved.yaml))
      #expect(again.teacher == artifacts.teacher)
      return artifacts.teacher?.rules[0]?.target.scale
    }
    let sample = Measurements(answers.map(Double.init)), logs = Measurements(answers.map { log(Double($0)) })
    func near(_ scale: ValueScale?, _ width: Double) -> Bool {
      guard case .width(let found)? = scale else { return false }
      return abs(found - width) <= 0.006 * width
    }
    #expect(try near(scale(), 0.4 * sample.standardDeviation))
    #expect(try near(scale("metrics.0.scale=auto", "metrics.0.distance=relative"), 0.4 * logs.standardDeviation))
    #expect(try near(scale("metrics.0.distance=absolute"), 0.4 * sample.standardDeviation / 2.squareRoot()))
    #expect(try near(scale("metrics.0.distance={ name: circular, period: 10 }"), 1))  // at least a step
    #expect(try scale("metrics.0.scale=3") == .width(3))
    #expect(try scale("metrics.0.scale={ temperature: 3 }") == .temperature(3))
    #expect(try scale("metrics.0.scale={ relative: 0.1 }") == .relative(0.1))
    // The temperature is that of digits.
    #expect(try near(scale("metrics.0.temperature=7"), 0.4 * sample.standardDeviation))
  }

  /// Widths from fields of the records: trained with, kept, and asked for by line where they are missing.
  @Test func fieldsOfRecordsSayWidths() throws {
    func data(_ fields: [String]) -> String {
      fields.enumerated().map {
        "{\"prompt\": \"\($0.offset) =\", \"completion\": \"\(3 + $0.offset)\"\($0.element)}\n"
      }
      .joined()
    }
    let whole = try TinyRun(data: data((1...8).map { ", \"sd\": \($0).5, \"said\": [\($0), 4]" }))
    let overrides = ["objective.preset=valueDrawn", "data.valid=null", "train.steps=3"]
    func run(_ tiny: TinyRun, _ scale: String) throws -> RunSettings {
      let artifacts = try RunArtifacts(tiny.settings(overrides + ["metrics.0.scale=\(scale)"]))
      try FileManager.default.removeItem(atPath: tiny.folder + "/out", ifThere: true)
      _ = try TrainRun(artifacts, command: "", terminal: quiet).run()
      return artifacts.settings
    }
    #expect(try run(whole, "{ field: sd }").metrics[0].whole.scale == .field("sd"))
    guard case .raters("said", let width)? = try run(whole, "{ raters: said }").metrics[0].whole.scale else {
      throw CancellationError()
    }
    #expect(width == 1)  // two fifths of the deviation of 3 … 10 are less than a step
    for (field, words) in [("", "no such field"), (", \"sd\": null", "no such field"), (", \"sd\": \"wide\"", "sd")] {
      let tiny = try TinyRun(data: data([", \"sd\": 1", field, ", \"sd\": 2"]))
      let error = #expect(throws: InputError.self) { try run(tiny, "{ field: sd }") }
      #expect(error?.description.contains("line 2") == true, "\(error!)")
      #expect(error?.description.contains(words) == true, "\(error!)")
    }
  }

  @Test(arguments: [
    ("metrics.0.scale=0", "scale"), ("metrics.0.scale=.nan", "scale"), ("metrics.0.draw=2", "draw"),
    ("metrics.0.values={ range: [5, 5] }", "values"), ("metrics.0.values={ range: [0, 1e30] }", "values"),
    ("metrics.0.distance=shuffled", "distance"), ("metrics.0.tokens={ integers: [0, 9] }", "tokens"),
    ("metrics.0.scale={ perplexity: 3 }", "scale"), ("metrics.0.scale=wide", "scale"),
  ]) func refusesWhatCannotBe(_ override: String, _ key: String) throws {
    let tiny = try TinyRun()
    let error = #expect(throws: InputError.self) { try tiny.artifacts("objective.preset=value", override) }
    #expect(error?.description.contains(key) == true)
  }
}

extension FileManager {
  fileprivate func removeItem(atPath path: String, ifThere: Bool) throws {
    if fileExists(atPath: path) || !ifThere { try removeItem(atPath: path) }
  }
}
