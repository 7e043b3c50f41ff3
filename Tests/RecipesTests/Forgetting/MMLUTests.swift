// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import TorchNN

private let folder: String = {
  let environment = ProcessInfo.processInfo.environment
  let caches = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
  return (environment["DIST2_CACHE"] ?? caches + "/dist2") + "/SmolLM2-135M-Instruct"
}()

private let fixture = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../Fixtures/mmlu/expected.json").standardized.path

private let shared = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../../../shared/data/mmlu").standardized.path

/// Questions of the fixture (`Tests/Fixtures/mmlu/make.py`), which has their prompts as Python writes them.
private func questions(_ key: String) throws -> [MMLU.Question] {
  try JSONReader(file: fixture).at(key).elements().map { row in
    MMLU.Question(
      subject: try row.string(at: "subject"), text: try row.string(at: "question"),
      choices: try row.at("choices").elements().map { try $0.string() }, answer: try row.int(at: "answer"))
  }
}

@Suite struct MMLUTests {
  @Test func promptsAreThoseOfTheFixture() throws {
    for run in try JSONReader(file: fixture).at("runs").elements() {
      let mmlu = try MMLU(try questions("questions"), examples: try questions("examples"), shots: run.int(at: "shots"))
      let prompts = try run.at("rows").elements().map { try $0.string(at: "prompt") }
      #expect(mmlu.questions.map { mmlu.prompt($0) } == prompts)
    }
  }

  @Test func tooFewExamples() throws {
    let found = #expect(throws: InputError.self) {
      try MMLU(try questions("questions"), examples: try questions("examples"), shots: 3)
    }
    #expect(found?.place == "subject kitchen_science")
    #expect(found?.found == "2")
  }

  @Test(arguments: [
    (#"{"subject": "s", "question": "q", "choices": ["a", "b", "c"], "answer": 0}"#, "line 2, key choices"),
    (#"{"subject": "s", "question": "q", "choices": ["a", "b", "c", "d"], "answer": 4}"#, "line 2, key answer"),
    (#"{"subject": "s", "question": "q", "choices": ["a", "b", "c", "d"], "answer": "A"}"#, "line 2, key answer"),
    (#"{"subject": "s", "choices": ["a", "b", "c", "d"], "answer": 1}"#, "line 2, key question"),
  ]) func badLines(line: String, place: String) throws {
    let good = #"{"subject": "s", "question": "q", "choices": ["a", "b", "c", "d"], "answer": 3}"#
    try withLines([good, line]) { path in
      let found = #expect(throws: InputError.self) { try MMLU(path) }
      #expect(found?.place == place)
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: shared), "no \(shared)")) func realFiles() throws {
    let mmlu = try MMLU(shared + "/test.jsonl", examples: shared + "/dev.jsonl", shots: 5, limit: 200, seed: 3)
    let all = try MMLU(shared + "/test.jsonl")
    #expect(mmlu.questions.count == 200)
    #expect(all.questions.count == 14_042)
    #expect(Set(all.questions.map(\.subject)).count == 57)
    #expect(mmlu.questions != Array(all.questions.prefix(200)))
    #expect(mmlu.prompt(mmlu.questions[0]).components(separatedBy: "\nAnswer:").count == 7)
  }
}

/// Against transformers with the default model's real weights.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: folder + "/config.json"), "no \(folder): run make test"))
struct MMLUParityTests {
  @Test func lettersAreAsProbableAsInTransformers() throws {
    let model = try loadModel(folder: folder), tokenizer = try Tokenizer(folder: folder)
    for run in try JSONReader(file: fixture).at("runs").elements() {
      let mmlu = try MMLU(try questions("questions"), examples: try questions("examples"), shots: run.int(at: "shots"))
      let result = try mmlu.evaluate(model: model, tokenizer: tokenizer)
      let rows = try run.at("rows").elements().map { try $0.at("logs").elements().map { try $0.double() } }
      for (found, expected) in zip(result.logLikelihoods, rows) {
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-4, "\(found), expected \(expected)")
      }
      let answers = rows.map { row in row.indices.max { row[$0] < row[$1] } }
      #expect(result.answers == answers)
      #expect(result.shortened == 0)
      let right = zip(answers, mmlu.questions).count { $0 == $1.answer }
      #expect(abs(result.accuracy - Double(right) / 5) < 1e-12)
      #expect(result.subjects.map(\.questions) == [3, 2])
      #expect(result.coverage > 0)
      #expect(result.coverage < 1)
      #expect(result.table("MMLU").rows.count == 3)
      let change = result.change(since: result)
      #expect(change.difference == 0)
      #expect(change.interval.low == 0)
      #expect(change.interval.high == 0)
    }
  }

  /// What does not fit is asked with fewer examples: here one of two, and none.
  @Test func longPromptsLoseExamples() throws {
    let model = try loadModel(folder: folder), tokenizer = try Tokenizer(folder: folder)
    func question(_ text: String) -> MMLU.Question {
      MMLU.Question(subject: "s", text: text, choices: ["a", "b", "c", "d"], answer: 0)
    }
    let asked = question("Which?"), long = question(String(repeating: "word ", count: model.contextLength))
    func result(_ examples: [MMLU.Question], shots: Int) throws -> MMLUResult {
      try MMLU([asked], examples: examples, shots: shots).evaluate(model: model, tokenizer: tokenizer)
    }
    let one = try result([asked, long], shots: 2), none = try result([long, long], shots: 2)
    #expect(one.shortened == 1)
    #expect(none.shortened == 1)
    #expect(one.logLikelihoods == (try result([asked], shots: 1).logLikelihoods))
    #expect(
      none.logLikelihoods == (try result([], shots: 0).logLikelihoods) && none.logLikelihoods != one.logLikelihoods)
    let found = #expect(throws: InputError.self) { try MMLU([long]).evaluate(model: model, tokenizer: tokenizer) }
    #expect(found?.expected == "questions of at most 8192 tokens")
  }
}
