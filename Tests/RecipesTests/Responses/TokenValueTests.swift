// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData
import Training

/// Numbers that are given with the tokens of responses: where they come from, and what becomes of them.
@Suite struct TokenValueTests {
  private func lines(_ choice: ModelChoice, _ task: LineStream.Task, _ input: [String]) throws -> [String] {
    var rest = input[...], output = [String]()
    try LineStream(choice, task).run(source: "in", next: { _ in rest.popFirst().map { [$0] } }) { output.append($0) }
    return output
  }

  private func numbers(_ line: String, _ key: String) throws -> [Double] {
    try JSONReader(try JSON(parsing: line, path: "out"), path: "out").at(key).elements().map { try $0.double() }
  }

  private func read(_ lab: ResponseLab, _ file: String) throws -> [String] {
    try String(contentsOfFile: "\(lab.folder)/\(file)", encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// With weights 1 and KL left out masks change nothing, and with none of the rewards T-REG is DPO.
  @Test func neutralNumbersAreDPO() throws {
    let lab = try ResponseLab()
    let neutral = try read(lab, "pairs.jsonl").map { line in
      line.dropLast()
        + #", "chosen_weights": [\#(ones(line, "chosen"))], "rejected_weights": [\#(ones(line, "rejected"))]"#
        + #", "chosen_rewards": [\#(ones(line, "chosen", "0"))], "rejected_rewards": [\#(ones(line, "rejected", "0"))]}"#
    }
    try lab.write("neutral.jsonl", neutral.joined(separator: "\n"))
    let dpo = try lab.run("{ preset: dpo }").steps()
    for (index, objective) in ["{ preset: tReg }", "{ preset: sparsePO, klCoefficient: 0 }"].enumerated() {
      let steps = try lab.run(objective, data: "neutral.jsonl", output: "out\(index)").steps()
      for (own, theirs) in zip(steps, dpo) { #expect(abs(own.loss - theirs.loss) < 1e-6, "\(objective)") }
    }
    // Half of each log-ratio is half of β, whichever side of the pair it is on.
    let half = neutral.map { $0.replacing("1.0", with: "0.5") }
    try lab.write("half.jsonl", half.joined(separator: "\n"))
    let critical = try lab.run("{ preset: criticalDPO, beta: 0.2 }", data: "half.jsonl", output: "critical").steps()
    for (own, theirs) in zip(critical, dpo) { #expect(abs(own.loss - theirs.loss) < 1e-6) }
  }

  private func ones(_ line: String, _ side: String, _ number: String = "1.0") -> String {
    let text = (try? JSONReader(try JSON(parsing: line, path: ""), path: "").string(at: side)) ?? ""
    return text.split(separator: " ").map { _ in number }.joined(separator: ", ")
  }

  /// Rewards of tokens that `score` tells of pairs are what it tells of each response, and are read again number for number.
  @Test func whatScoreTellsIsReadAgain() throws {
    let lab = try ResponseLab()
    _ = try lab.run("{ preset: dpo, beta: 0.5 }").run()
    let choice = try ModelChoice(lab.folder + "/out"), pairs = try read(lab, "pairs.jsonl")
    let tasks: [LineStream.Task] = [
      .scoreImplicitly(reference: nil, beta: nil, tokens: true),
      .scoreByContrast(better: "w40 w41", worse: "w5", tokens: true),
    ]
    for (index, task) in tasks.enumerated() {
      let told = try lines(choice, task, pairs)
      try lab.write("told.jsonl", told.joined(separator: "\n"))
      for (line, pair) in zip(told, pairs) {
        let object = JSONReader(try JSON(parsing: pair, path: ""), path: "")
        for side in ["chosen", "rejected"] {
          let single: JSON = [
            "prompt": .string(try object.string(at: "prompt")), "completion": .string(try object.string(at: side)),
          ]
          let alone = try numbers(try lines(choice, task, [single.text()])[0], "rewards")
          let found = try numbers(line, "\(side)_rewards")
          #expect(found.count == alone.count && zip(found, alone).allSatisfy { abs($0 - $1) < 1e-6 })
          #expect(found.contains { $0 != 0 })
        }
      }
      let run = try lab.run("{ preset: tReg, weight: 0.5 }", data: "told.jsonl", output: "next\(index)")
      let artifacts = try #require(run.artifacts as? ResponseArtifacts)
      let dataset = try artifacts.responses(#require(artifacts.settings.data.train))
      for (example, line) in zip(dataset.examples, told) {
        let given = try #require(example.responses?.tokens.map { $0.rewards ?? [] })
        #expect(given == (try ["chosen_rewards", "rejected_rewards"].map { try numbers(line, $0).map(Float.init) }))
      }
      #expect(try run.steps().count == 3)
    }
  }

  /// σ(log π₊ − log π₋) − ½ of one model with either text before the prompt, as its own log-probabilities have it.
  @Test func contrastOfTwoInstructions() throws {
    let lab = try ResponseLab(), choice = try ModelChoice(lab.folder + "/model")
    func line(_ before: String) -> String {
      let record: JSON = ["prompt": .string(before + "w24 w46"), "completion": " w31"]
      return record.text()
    }
    func sum(_ before: String) throws -> [Double] {
      // Of the only word and the end, one after the other.
      try numbers(
        try lines(
          choice, .scoreImplicitly(reference: lab.folder + "/model", beta: 1, tokens: true), [line(before)])[0],
        "rewards")
    }
    #expect(try sum("") == [0, 0])
    func logs(_ before: String) throws -> Double {
      try JSONReader(JSON(parsing: try lines(choice, .score, [line(before)])[0], path: ""), path: "")
        .double(at: "logProbability")
    }
    let told = try lines(choice, .scoreByContrast(better: nil, worse: "w7", tokens: true), [line("")])[0]
    let rewards = try numbers(told, "rewards")
    // Back from rewards to log-ratios, whose sum is that of the two responses.
    let ratio = rewards.reduce(0) { $0 + 2 * atanh(2 * $1) }
    #expect(abs(ratio - (try logs("") - logs("w7\n\n"))) < 1e-4)
    #expect(abs(ratio) > 1e-3)
    #expect(rewards.allSatisfy { abs($0) < 0.5 })
  }

  /// Models that say which tokens matter. Two equal ones say the probability that they give the token.
  @Test func modelsWeighTokens() throws {
    let lab = try ResponseLab()
    let quick = "{ steps: 3, batch: 4, learningRate: 1.0e-2, samples: 0 }"
    _ = try lab.run("{ preset: raft }", train: quick, output: "right").run()
    let teachers = "teachers: { positive: right, negative: model }"
    let steps = try lab.run("{ preset: criticalDPO }", teachers, output: "critical").steps()
    #expect(steps.count == 3)
    #expect(abs(steps[0].loss - log(2)) < 1e-6)
    #expect((steps.last?.loss ?? .infinity) < steps[0].loss)

    // Given in the data, the same weights make the same run.
    let choice = try ModelChoice(lab.folder + "/model")
    let weighted = try read(lab, "pairs.jsonl").map { line -> String in
      var object = try JSONReader(try JSON(parsing: line, path: ""), path: "").object()
      for side in ["chosen", "rejected"] {
        guard case .string(let prompt) = object["prompt"], case .string(let text) = object[side] else { continue }
        object["\(side)_weights"] = .array(
          try probabilities(choice, Record(.promptCompletion(prompt, text), source: "in")).map { .double($0) })
      }
      return JSON.object(object).text()
    }
    try lab.write("weighted.jsonl", weighted.joined(separator: "\n"))
    let given = try lab.run("{ preset: criticalDPO }", data: "weighted.jsonl", output: "given").steps()
    let same = try lab.run(
      "{ preset: criticalDPO }", "teachers: { positive: model, negative: model }", output: "same"
    ).steps()
    for (own, theirs) in zip(given, same) { #expect(abs(own.loss - theirs.loss) < 1e-5) }
  }

  /// The probability of each learnt token.
  private func probabilities(_ choice: ModelChoice, _ record: Record) throws -> [Double] {
    let example = try Answering(choice.artifacts).encoder.encode(record)
    let learnt = example.ids.indices.dropFirst().filter { example.supervised[$0] }
    return try Scorer(try choice.load()).logLikelihoods(in: [example.ids], at: [learnt])[0].map { exp($0) }
  }
}
