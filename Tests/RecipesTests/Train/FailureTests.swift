// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN

/// An operation that fails anywhere, for instance since memory has run out, ends what was asked for with an error.
@Suite struct FailureTests {
  /// Calls into libtorch before the one that fails: all of the first ones, then fewer and fewer.
  private static var moments: [Int] {
    sequence(first: 0) { $0 + 1 + $0 / 6 }.prefix { $0 < 30_000 }.map { $0 }
  }

  /// Runs `body` with one failure after the other until it gets through.
  private func fail(_ name: String, _ body: () throws -> Void) {
    for moment in Self.moments {
      var error: (any Error)?
      let wasReached = Torch.failing(after: moment) {
        do { try withWordsForTensors(body) } catch let failure { error = failure }
      }
      if !wasReached { return }
      #expect(
        "\(error.map { "\($0)" } ?? "none")".contains("a failure that a test asked for"), "\(name), call \(moment)")
    }
  }

  @Test func whileTraining() throws {
    let tiny = try TinyRun()
    for (index, overrides) in [[], ["train.lora={ rank: 2, targets: all-linear }"], ["train.fromScratch=true"]]
      .enumerated()
    {
      fail("training \(index)") {
        try? FileManager.default.removeItem(atPath: tiny.folder + "/out")
        let settings = try tiny.settings(overrides + ["train.steps=1", "train.samples=0", "train.validateEvery=1"])
        _ = try TrainRun(try RunArtifacts(settings), command: "", terminal: quiet).run()
      }
    }
  }

  @Test func whileUsing() throws {
    let tiny = try TinyRun()
    let record = [
      "{\"prompt\": \"1 + 1 = \", \"completion\": \"2\"}", "{\"prompt\": \"10 + 10 = \", \"completion\": \"20\"}",
    ]
    for task in [LineStream.Task.generate, .score] {
      fail("\(task)") {
        let choice = try ModelChoice(tiny.folder + "/run.yaml")
        let stream = try LineStream(choice, task) { $0.options.maxNewTokens = 3 }
        var rest = [record][...]
        try stream.run(source: "<test>", next: { _ in rest.popFirst() }, write: { _ in })
      }
    }
    fail("evaluate") {
      let choice = try ModelChoice(tiny.folder + "/run.yaml", overrides: ["evaluate.distribution=true"])
      _ = try Evaluating(choice.artifacts, choice.load(), choice.artifacts.dataset(tiny.folder + "/valid.jsonl"))
    }
    fail("export") {
      let choice = try ModelChoice(tiny.folder + "/run.yaml")
      _ = try exportModel(choice, to: tiny.folder + "/exported", dtype: .bfloat16, replacing: true)
    }
    fail("inspect") { _ = try Inspection(tiny.artifacts(), terminal: quiet).warnings }
    fail("new-lm") {
      try NewLanguageModel(width: 16, layers: 1, heads: 2, contextLength: 64).write(
        to: tiny.folder + "/new", replacing: true)
    }
  }

  @Test func sizesThatCannotBeHadAreRefusedFirst() throws {
    let folder = NSTemporaryDirectory() + "sizes-\(UUID().uuidString)"
    for model in [
      NewLanguageModel(width: 1 << 20, layers: 40, heads: 2), NewLanguageModel(width: .max, heads: .max),
      NewLanguageModel(layers: .max), NewLanguageModel(contextLength: .max),
    ] {
      #expect(throws: InputError.self) { try model.write(to: folder) }
    }
    #expect(!fileExists(folder))
    let tiny = try TinyRun()
    let error = #expect(throws: InputError.self) {
      try tiny.train("train.lora={ rank: 100000, targets: all-linear }").run()
    }
    #expect(error?.place == "rank")
    #expect(error?.found == "100000")
  }
}
