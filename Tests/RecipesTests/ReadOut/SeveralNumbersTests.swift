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

/// Distributions of every number of an answer, by metric and place.
@Suite struct SeveralNumbersTests {
  private static let pairs = ["(07, 09)", "(12, 40)", "(40, 31)"]

  private func tiny(_ answers: [String], yaml: String = TinyRun.yaml) throws -> TinyRun {
    let lines = answers.enumerated().map { "{\"prompt\": \"\($0.offset) =\", \"completion\": \"\($0.element)\"}\n" }
    let tiny = try TinyRun(data: lines.joined(), yaml: yaml)
    try lines.joined().write(toFile: tiny.folder + "/valid.jsonl", atomically: true, encoding: .utf8)
    return tiny
  }

  private func scores(_ tiny: TinyRun) throws -> [JSON] {
    let stream = try LineStream(ModelChoice(tiny.folder + "/run.yaml"), .score)
    var rest: [String]? = try String(contentsOfFile: tiny.folder + "/valid.jsonl", encoding: .utf8)
      .split(separator: "\n").map(String.init)
    var output = [JSON]()
    try stream.run(
      source: "<test>",
      next: { _ in
        defer { rest = nil }
        return rest
      }, write: { output.append(try JSON(parsing: $0, path: "")) })
    return output
  }

  /// Two padded digits of a range at a place of an example, by reading all of them.
  private func enumerated(
    _ tiny: TinyRun, line: Int, number: Int, _ range: ClosedRange<Int>
  ) throws -> NumberDistribution {
    let artifacts = try tiny.artifacts(), model = try ModelChoice(tiny.folder + "/run.yaml").load()
    let digits = try TokenSpace.digits(of: artifacts.tokenizer)
    let example = try artifacts.dataset(tiny.folder + "/valid.jsonl").example(line)
    let prefix = Array(example.ids[..<example.metrics[2 * number].position])
    let logs = try Scorer(model).logLikelihoods(
      of: range.map { Continuation(prompt: prefix, ids: [digits.ids[$0 / 10], digits.ids[$0 % 10]]) })
    return NumberDistribution(values: range.map(Double.init), logProbabilities: logs.map { $0.reduce(0, +) })
  }

  private func number(_ json: JSON?, _ key: String) throws -> Double {
    switch json?[key] {
    case .double(let value)?: return value
    case .int(let value)?: return Double(value)
    default: throw CancellationError()
    }
  }

  @Test func scoresReadEachNumberAlongTheAnswer() throws {
    let tiny = try tiny(Self.pairs), scores = try scores(tiny)
    for (line, score) in scores.enumerated() {
      guard case .array(let numbers)? = score["numbers"], numbers.count == 2 else {
        Issue.record("\(score)")
        continue
      }
      // The training answers' range with a twentieth of room, rounded up.
      for (place, range) in [(0, 5...42), (1, 7...42)] {
        let wanted = try enumerated(tiny, line: line, number: place, range)
        #expect(try number(numbers[place], "place") == Double(place + 1))
        #expect(abs(try number(numbers[place], "mean") - wanted.mean) < 1e-3)
        #expect(try number(numbers[place], "median") == wanted.median)
        #expect(abs(try number(numbers[place], "mass") / wanted.coverage - 1) < 1e-4)
      }
    }
  }

  /// Numbers in delimiters, after text that differs from answer to answer.
  @Test func numbersInDelimitersAreReadAfterTheirText() throws {
    let yaml = TinyRun.yaml.replacing(
      "    tokens: digits\n", with: "    tokens: digits\n    where: { delimiters: [\"<b>\", \"</b>\"] }\n")
    let tiny = try tiny(["it is 3 or <b>07</b>", "perhaps <b>12</b>", "<b>40</b> I say"], yaml: yaml)
    for (line, score) in try scores(tiny).enumerated() {
      let wanted = try enumerated(tiny, line: line, number: 0, 5...42)
      #expect(abs(try number(score, "mean") - wanted.mean) < 1e-3)
      #expect(abs(try number(score, "mass") / wanted.coverage - 1) < 1e-4)
    }
  }

  /// An untrained model's answers hold few numbers; those that are read carry their names, and figures count them.
  @Test func evaluationNamesThem() throws {
    let tiny = try tiny(Self.pairs)
    let artifacts = try tiny.artifacts("evaluate.distribution=true", "train.learningRate=0.003", "train.steps=150")
    let run = TrainRun(artifacts, command: "", terminal: quiet)
    _ = try run.run()
    let choice = try ModelChoice(tiny.folder + "/out"),
      dataset = try choice.artifacts.dataset(tiny.folder + "/valid.jsonl")
    let result = try Evaluating(choice.artifacts, choice.load(), dataset, run: choice.run)
    #expect(result.records.allSatisfy { $0.beliefs.first?.place == 0 })
    let later = result.records.flatMap(\.beliefs).filter { $0.place == 1 }
    #expect(!later.isEmpty)
    #expect(later.allSatisfy { [9, 40, 31].contains($0.truth) && $0.metric == "sum" })
    let beliefs = result.records.flatMap(\.beliefs), crps = beliefs.compactMap(\.crps)
    #expect(abs(try #require(result.summary[.crps]) - crps.reduce(0, +) / Double(crps.count)) < 1e-9)
    let table = try #require(result.numbersTable)
    #expect(table.rows.count == 2)
    // As it is kept, and as earlier versions kept it.
    let data = try JSONEncoder().encode(result.records)
    #expect(try JSONDecoder().decode([PredictionRecord].self, from: data) == result.records)
    let old = String(decoding: data, as: UTF8.self).replacing("\"beliefs\":[", with: "\"belief\":[")
    #expect(throws: (any Error).self) { try JSONDecoder().decode([PredictionRecord].self, from: Data(old.utf8)) }
  }
}
