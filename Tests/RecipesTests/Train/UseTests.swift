// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import TokenData
import Testing
import TokenModels
import Torch
import TorchNN
import Training

@Suite struct UseTests {
  @Test func evaluatingGivesTheFiguresThatFitAndEveryPrediction() throws {
    let tiny = try TinyRun(), artifacts = try tiny.artifacts("evaluate.distribution=true")
    let model = try ModelChoice(tiny.folder + "/run.yaml").load()
    let dataset = try artifacts.dataset(tiny.folder + "/valid.jsonl")
    let result = try Evaluating(artifacts, model, dataset)
    #expect(result.records.map(\.id) == (0..<5).map { "sum \($0)" })
    #expect(result.records.map(\.truth) == [[0], [10], [10], [10], [10]])
    #expect(result.metrics.prefix(3) == [.exactMatch, .parseRate, .mae])
    #expect(result.metrics.contains(.crps))
    for record in result.records {
      let belief = try #require(record.beliefs.first)
      #expect(belief.low <= belief.high && (0...99).contains(belief.mean) && belief.crps! >= 0)
      // The right answer is judged by the number it begins with.
      if let value = record.values?.first { #expect(record.error == abs(value - record.truth[0])) }
    }
    try result.write(to: tiny.folder + "/predictions.jsonl")
    let lines = try String(contentsOfFile: tiny.folder + "/predictions.jsonl", encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 5)
    let first = try JSONDecoder().decode(PredictionRecord.self, from: Data(lines[0].utf8))
    #expect(first == result.records[0])

    // The page calls what was read out by its name, and draws where right answers lie.
    func page(_ result: Evaluating) -> String {
      var page = HTMLReport("test")
      result.add(to: &page, "caption")
      return page.html
    }
    let html = page(result)
    #expect(html.contains("<title>Numbers read out</title>") && !html.contains("<title>Answers</title>"))
    #expect(html.contains("class=\"d2-reference\""))
    let plain = try Evaluating(tiny.artifacts("evaluate.distribution=false"), model, dataset)
    #expect(!page(plain).contains("Numbers read out"))
  }

  /// A prompt that somebody types is no row of columns.
  @Test func promptsAsTyped() throws {
    let rows = (0..<8).map { "{\"a\": \($0), \"b\": 1, \"c\": \($0 + 1)}\n" }.joined()
    let template = "valid: train.jsonl, template: { prompt: \"{a} + {b} = \", completion: \"{c}\" } }"
    let tiny = try TinyRun(data: rows, yaml: TinyRun.yaml.replacing("valid: valid.jsonl }", with: template))
    let choice = try ModelChoice(tiny.folder + "/run.yaml")
    func answers(isAsTyped: Bool) throws -> [String] {
      var waiting = ["{\"prompt\": \"1 + 1 = \"}"][...], written = [String]()
      try LineStream(choice, .generate, isAsTyped: isAsTyped)
        .run(source: "<test>", next: { _ in waiting.popFirst().map { [$0] } }) { written.append($0) }
      return written
    }
    #expect(try answers(isAsTyped: true).count == 1)
    let error = #expect(throws: InputError.self) { try answers(isAsTyped: false) }
    #expect(error?.description.contains("a column \"a\"") == true)
  }

  /// What cannot be read out of answers is known before the first of them.
  @Test func whatDoesNotFitIsRefusedBeforeAnythingIsAnswered() throws {
    let answers = ["it is 2", "2, I think"].map { "{\"prompt\": \"1 + 1 = \", \"completion\": \"\($0)\"}\n" }
    let tiny = try TinyRun(data: answers.joined())
    let artifacts = try tiny.artifacts("evaluate.distribution=true"),
      model = try ModelChoice(tiny.folder + "/run.yaml").load()
    var answered = 0
    let error = #expect(throws: InputError.self) {
      try Evaluating(artifacts, model, artifacts.dataset(tiny.folder + "/train.jsonl")) { _, _ in answered += 1 }
    }
    #expect(error?.place == "metric sum")
    #expect(answered == 0)
  }

  @Test func linesComeBackInOrderAndBadOnesAreNamed() throws {
    let tiny = try TinyRun(), choice = try ModelChoice(tiny.folder + "/run.yaml")
    let input = ["{\"id\": 1, \"prompt\": \"1 + 1 = \"}", "", "{\"prompt\": \"a much longer prompt 2 + 2 = \"}"]
    let output = try lines(choice, .generate, input)
    #expect(output.map { $0["id"] } == [.string("1"), .string("<test> line 3")])
    #expect(output.allSatisfy { $0["completion"] != nil && $0["finish"] != nil })

    let error = #expect(throws: InputError.self) { try lines(choice, .generate, input + ["{\"prompt\": "]) }
    #expect(error?.place.hasPrefix("line 4") == true)
    // What stands before it is answered.
    var written = 0, given = false
    #expect(throws: InputError.self) {
      try LineStream(choice, .generate).run(
        source: "<test>",
        next: { _ in
          defer { given = true }
          return given ? nil : input + ["{\"prompt\": "]
        }, write: { _ in written += 1 })
    }
    #expect(written == 2)
    let skipping = try ModelChoice(tiny.folder + "/run.yaml", overrides: ["data.skipBad=true"])
    let kept = try lines(skipping, .generate, ["[]", input[0]])
    #expect(kept.count == 2 && kept[0]["error"] != nil && kept[1]["id"] == .string("1"))
  }

  /// Scores are the log-probabilities that the model gives the answer's tokens one by one, its end included.
  @Test func scoresAreSumsOfLogProbabilities() throws {
    let tiny = try TinyRun(), choice = try ModelChoice(tiny.folder + "/run.yaml"), model = try choice.load()
    let output = try lines(choice, .score, ["{\"prompt\": \"7 + 8 = \", \"completion\": \"15\"}"])
    let example = choice.artifacts.encoder.encode(prompt: "7 + 8 = ", answer: "15")
    let logits = try withTorchErrors {
      noGrad { model.logits(Tensor(example.ids, shape: [1, example.ids.count])).logSoftmax(-1) }
    }
    var expected = 0.0
    for index in example.ids.indices.dropFirst() where example.supervised[index] {
      expected += logits.select(1, index - 1).select(0, 0).select(0, Int(example.ids[index])).item()
    }
    guard case .double(let found)? = output[0]["logProbability"] else { throw CancellationError() }
    #expect(abs(found - expected) < 1e-5)
    #expect(output[0]["tokens"] == .int(3))
    #expect(output[0]["mean"] != nil && output[0]["mass"] != nil)
  }

  @Test func exportMergesAdapters() throws {
    let tiny = try TinyRun()
    _ = try tiny.train("train.lora={ rank: 2, targets: all-linear }", "train.keep=1").run()
    let choice = try ModelChoice(tiny.folder + "/out")
    let checkpoint = try #require(choice.checkpoint)
    #expect(fileExists(checkpoint + "/adapter_model.safetensors"))
    #expect(!fileExists(checkpoint + "/model.safetensors"))
    let files = try exportModel(choice, to: tiny.folder + "/exported", dtype: .float32, replacing: false)
    #expect(files.map(\.name).contains("model.safetensors"))
    #expect(!files.map(\.name).contains("adapter_config.json"))
    let exported = try loadModel(folder: tiny.folder + "/exported"), trained = try choice.load()
    let base = try loadModel(folder: tiny.folder + "/model")
    let ids = Tensor([3, 40, 17, 60] as [Int32], shape: [1, 4])
    let (a, b, c) = try withTorchErrors {
      noGrad { (exported.logits(ids), trained.logits(ids), base.logits(ids)) }
    }
    #expect((a - b).abs().max().item() < 1e-5)
    #expect((a - c).abs().max().item() > 1e-3)
    let error = #expect(throws: InputError.self) {
      try exportModel(choice, to: tiny.folder + "/exported", dtype: .float32, replacing: false)
    }
    #expect(error != nil)
  }

  @Test func aRunWithoutCheckpointsOrAnUnknownStepIsNamed() throws {
    let tiny = try TinyRun()
    _ = try tiny.train().run()
    let error = #expect(throws: InputError.self) { try ModelChoice(tiny.folder + "/out", step: 3) }
    #expect(error?.expected.contains("step 3") == true)
    #expect(error?.found.contains("12") == true)
    #expect(throws: InputError.self) { try ModelChoice(tiny.folder + "/nothing-here") }
  }

  private func lines(_ choice: ModelChoice, _ task: LineStream.Task, _ input: [String]) throws -> [JSON] {
    let stream = try LineStream(choice, task) { $0.options.maxNewTokens = 4 }
    var rest = input[...], output = [JSON]()
    try stream.run(
      source: "<test>",
      next: { limit in
        defer { rest = rest.dropFirst(min(limit, 2)) }
        return rest.isEmpty ? nil : Array(rest.prefix(min(limit, 2)))
      },
      write: { output.append(try JSON(parsing: $0, path: "")) })
    return output
  }
}
