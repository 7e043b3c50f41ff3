// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Testing
import TokenData

/// Rewards that runs of dpo and its kin are, and generation in the company of other models.
@Suite struct ImplicitRewardTests {
  private func lines(
    _ choice: ModelChoice, _ task: LineStream.Task, _ input: [String], _ change: (inout Answering) -> Void = { _ in }
  ) throws -> [JSONReader] {
    var rest = input[...], output = [JSONReader]()
    let stream = try LineStream(choice, task, change: change)
    try stream.run(
      source: "in", next: { _ in rest.popFirst().map { [$0] } },
      write: { output.append(JSONReader(try JSON(parsing: $0, path: "out"), path: "out")) })
    return output
  }

  private func numbers(_ value: JSONReader) throws -> [Double] { try value.elements().map { try $0.double() } }

  /// `score --implicit` says of a run's pairs what `evaluate` says.
  @Test(arguments: ["", "lora: { rank: 4, targets: [q_proj] }"]) func scoresEqualEvaluation(more: String) throws {
    let lab = try ResponseLab()
    let train = "{ steps: 3, batch: 4, learningRate: 1.0e-3, samples: 0, \(more) }"
    _ = try lab.run("{ preset: dpo, beta: 0.5 }", train: train).run()
    let choice = try ModelChoice(lab.folder + "/out"), artifacts = try ResponseArtifacts(choice.artifacts)
    let dataset = try artifacts.responses(DataSource(lab.folder + "/pairs.jsonl"))
    let evaluation = try ResponseEvaluation(artifacts, dataset, model: { try choice.load() })
    let rows = ResponseLab.recorded["dpo"]?.records ?? []
    let input = rows.map { row in
      let record: JSON = ["prompt": .string(row.prompt), "completion": .string(row.chosen ?? "")]
      return record.text()
    }
    let found = try lines(choice, .scoreImplicitly(reference: nil, beta: nil, tokens: true), input)
    for (line, judged) in zip(found, evaluation.judged) {
      #expect(abs(try line.double(at: "score") - judged.rewards[0]) < 1e-4)
      #expect(abs(try line.double(at: "logProbability") - judged.logps[0]) < 1e-4)
      #expect(try line.int(at: "tokens") == judged.tokens[0])
      let rewards = try numbers(try line.at("rewards")), sums = try numbers(try line.at("cumulative"))
      let pieces = try line.at("pieces").elements()
      #expect(rewards.count == judged.tokens[0] && pieces.count == rewards.count)
      #expect(abs(rewards.reduce(0, +) - judged.rewards[0]) < 1e-4 && abs((sums.last ?? 0) - judged.rewards[0]) < 1e-4)
    }
    #expect(found.contains { ((try? $0.double(at: "score")) ?? 0) != 0 })
    // Another β is a factor; a model is no different from itself.
    let twice = try lines(choice, .scoreImplicitly(reference: nil, beta: 1, tokens: false), [input[0]])[0]
    let doubled = try twice.double(at: "score"), once = try found[0].double(at: "score")
    #expect(abs(doubled - 2 * once) < 1e-4)
    let same = try lines(
      choice, .scoreImplicitly(reference: lab.folder + "/out", beta: 1, tokens: false), [input[0]])[0]
    #expect(try same.double(at: "score") == 0)
  }

  @Test func aModelHasNoReferenceOfItsOwn() throws {
    let lab = try ResponseLab(), choice = try ModelChoice(lab.folder + "/model")
    #expect(throws: InputError.self) {
      try LineStream(choice, .scoreImplicitly(reference: nil, beta: nil, tokens: false))
    }
  }

  /// The best of several by a judge, and guidance by the model itself, which is a lower temperature.
  @Test func companyAtGeneration() throws {
    let lab = try ResponseLab()
    _ = try lab.run("{ preset: dpo, beta: 0.5 }").run()
    let choice = try ModelChoice(lab.folder + "/model"), input = [#"{"prompt": "w24 w46 w43"}"#]
    let sampling = Sampling(temperature: 1, seed: 3)
    let best = try lines(
      choice, .generateAmong(GenerationCompany(samples: 6, judge: lab.folder + "/out")), input
    ) { $0.options = GenerationOptions(maxNewTokens: 4, sampling: sampling) }[0]
    let scores = try numbers(try best.at("scores"))
    #expect(scores.count == 6 && Set(scores).count > 1)
    let told = try best.double(at: "score")
    #expect(told == scores.max())
    // What is told has the score that is told.
    let record: JSON = ["prompt": "w24 w46 w43", "completion": .string(try best.string(at: "completion"))]
    let run = try ModelChoice(lab.folder + "/out")
    let scored = try lines(run, .scoreImplicitly(reference: nil, beta: nil, tokens: false), [record.text()])[0]
    #expect(abs(try scored.double(at: "score") - (scores.max() ?? 0)) < 1e-5)

    func answer(_ company: GenerationCompany) throws -> String {
      try lines(choice, .generateAmong(company), input) { $0.options = GenerationOptions(maxNewTokens: 6) }[0]
        .string(at: "completion")
    }
    let alone = try answer(GenerationCompany())
    #expect(try answer(GenerationCompany(guides: [.init(lab.folder + "/model", alpha: 0.5)])) == alone)
    // The model itself as the amateur: nothing is taken away with weight 0, or where all but the best are implausible;
    // with the text before the prompt it says something else.
    #expect(try answer(GenerationCompany(contrastPrompt: "w5 w6", amateurWeight: 0)) == alone)
    #expect(try answer(GenerationCompany(contrastPrompt: "w5 w6", plausibility: 1)) == alone)
    let contrast = GenerationCompany(contrastPrompt: "w5 w6", amateurWeight: 4, plausibility: 1e-6)
    #expect(try answer(contrast) != alone)
    #expect(
      try answer(
        GenerationCompany(
          amateur: lab.folder + "/model", contrastPrompt: "w5 w6", amateurWeight: 4, plausibility: 1e-6))
        == answer(contrast))
    #expect(GenerationCompany.Guide("runs/arm:2.5") == .init("runs/arm", alpha: 2.5))
    #expect(GenerationCompany.Guide("runs/arm") == .init("runs/arm", alpha: 1))
  }
}
