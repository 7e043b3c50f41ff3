// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN

/// Scores of whole conversations, and of lines beside others.
@Suite struct ScoringTests {
  /// Of several turns the answers count, each after all that stands before it: nothing that the user says later, no
  /// marks after the last answer.
  @Test func ofSeveralTurnsOnlyAnswersCount() throws {
    let tiny = try TinyRun(), choice = try ModelChoice(tiny.folder + "/run.yaml", overrides: ["data.template=chatml"])
    func message(_ role: String, _ text: String) -> JSON { ["role": .string(role), "content": .string(text)] }
    let turns = [
      message("user", "1 + 1"), message("assistant", "2"), message("user", "and 3, which is quite a lot more?"),
      message("assistant", "5"), message("user", "Thank you for that."),
    ]
    let lines: [JSON] = [
      ["messages": .array(Array(turns[..<4]))], ["messages": .array(turns)],
      ["prompt": .array(Array(turns[..<1])), "completion": .array([turns[1]])],
      ["prompt": .array(Array(turns[..<3])), "completion": .array([turns[3]])],
    ]
    var rest = [lines.map { $0.text() }][...], found = [(log: Double, tokens: Int)]()
    try LineStream(choice, .score).run(source: "<test>", next: { _ in rest.popFirst() }) { text in
      let row = JSONReader(try JSON(parsing: text, path: ""), path: "")
      found.append((try row.double(at: "logProbability"), try row.int(at: "tokens")))
    }
    let (both, first, second) = (found[0], found[2], found[3])
    #expect(both.tokens == first.tokens + second.tokens)
    #expect(abs(both.log - first.log - second.log) < 1e-4)
    // What the user says after the last answer changes nothing.
    #expect(found[1].tokens == both.tokens && abs(found[1].log - both.log) < 1e-4)
  }

  // MARK: LongRoPE

  private func longrope() throws -> (model: any PretrainedModel, short: [[Int32]], long: [[Int32]], logits: [[Tensor]])
  {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/phi3/longrope")
      .standardized.path
    let file = try SafetensorsFile(folder + "/expected.safetensors")
    func tensor(_ name: String) throws -> Tensor { try Tensor(#require(file[name]), copying: true) }
    func rows(_ name: String) throws -> [[Int32]] {
      let ids = try tensor(name)
      return (0..<ids.size(0)).map { ids.select(0, $0).array(of: Int32.self) }
    }
    let logits = try ["logits", "long_logits"].map { name in
      let all = try tensor(name).to(.float64).logSoftmax(-1)
      return (0..<all.size(0)).map { all.select(0, $0) }
    }
    return (try loadModel(folder: folder), try rows("ids"), try rows("long"), logits)
  }

  /// Sequences on both sides of the length where frequencies change, asked for together: each has transformers' numbers
  /// of it alone (`Tests/Fixtures/phi3/make.py`).
  @Test func aScoreDoesNotDependOnItsNeighbours() throws {
    let (model, short, long, logits) = try longrope()
    let sequences = [short[0], long[0], short[1], long[1]]
    let tables = [logits[0][0], logits[1][0], logits[0][1], logits[1][1]]
    let items = sequences.map { Continuation(prompt: [$0[0]], ids: Array($0.dropFirst())) }
    let found = try Scorer(model).logLikelihoods(of: items)
    for (index, ids) in sequences.enumerated() {
      let wanted = (1..<ids.count).map { tables[index].select(0, $0 - 1).select(0, Int(ids[$0])).item() }
      #expect(zip(found[index], wanted).allSatisfy { abs($0 - $1) < 1e-4 }, "sequence \(index)")
    }
  }

  /// A text that grows beyond that length is read anew from there on, whatever it is generated beside: each token is
  /// the best one after all before it, by a pass over the whole.
  @Test func generationGoesOnAsAFreshPassWould() throws {
    let (model, short, long, _) = try longrope()
    let prompts = [short[0], long[0], Array(short[1].prefix(5)), Array(long[1].prefix(24)), Array(long[1].prefix(25))]
    let options = GenerationOptions(maxNewTokens: 21, logProbabilities: true)
    let together = try TokenGenerator(model).generate(prompts, options)
    for (prompt, generation) in zip(prompts, together) {
      var ids = prompt
      for (step, id) in generation.ids.enumerated() {
        let logits = noGrad { model.logits(Tensor(ids, shape: [1, ids.count])) }.select(1, ids.count - 1).flatten()
        #expect(logits.argmax(-1).intItem() == Int(id), "prompt of \(prompt.count), step \(step)")
        let log = logits.logSoftmax(-1).select(0, Int(id)).item()
        #expect(abs(log - (generation.logProbabilities?[step] ?? 0)) < 1e-4)
        ids.append(id)
      }
      #expect(generation.ids.count == min(21, model.contextLength - prompt.count))
      #expect(try TokenGenerator(model).generate([prompt], options)[0].ids == generation.ids)
    }
  }
}
