// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing
import Torch
import TorchNN

/// Several models at one token, against `Tests/Fixtures/sequences/decoding.json` (float64, torch) and against full passes of
/// each model without cache or batch.
@Suite struct MixedContextTests {
  struct Fixture: Decodable {
    struct Contrastive: Decodable {
      var alpha, amateur_coefficient: Double
      var kept: [[Bool]]
      var scores: [[Double]]
      var choice: [Int]
    }
    struct Extended: Decodable {
      var alpha, beta: Double
      var choice: [Int]
    }
    struct Guided: Decodable {
      var alpha, temperature: Double
      var log_probabilities: [[Double]]
    }
    struct Free: Decodable {
      var gamma: Double
      var log_probabilities: [[Double]]
    }
    var expert_logits, amateur_logits: [[Double]]
    var contrastive: [Contrastive]
    var contrastive_extended: Extended
    var guided: [Guided]
    var classifier_free: Free
  }

  private let fixture: Fixture = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try! Data(contentsOf: folder.appending(path: "Fixtures/sequences/decoding.json"))
    return try! JSONDecoder().decode(Fixture.self, from: data)
  }()

  private func tensor(_ rows: [[Double]]) -> Tensor {
    Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
  }

  private func logits(_ other: String) -> [String: Tensor] {
    [LogitGuidance.own: tensor(fixture.expert_logits), other: tensor(fixture.amateur_logits)]
  }

  @Test func contrastiveDecodingEqualsItsFormula() {
    for one in fixture.contrastive {
      let guidance = LogitGuidance.contrasting(
        "amateur", coefficient: one.amateur_coefficient, plausibility: one.alpha)
      let scores = guidance.scores(logits("amateur"))
      let kept = one.kept.flatMap { $0 }, expected = one.scores.flatMap { $0 }
      for (index, value) in scores.array(of: Double.self).enumerated() {
        #expect(kept[index] ? abs(value - expected[index]) < 1e-9 : value == -.infinity)
      }
      #expect(scores.argmax(-1).array(of: Int64.self).map(Int.init) == one.choice)
    }
  }

  /// The form on logits, (1 + β)·z_expert − β·z_amateur, differs by a constant of each row.
  @Test func contrastOfLogitsChoosesAlike() {
    let extended = fixture.contrastive_extended
    let mixture = LogitMixture([.init(LogitGuidance.own, 1 + extended.beta), .init("amateur", -extended.beta)])
    let scores = LogitGuidance(mixture, plausibility: extended.alpha).scores(logits("amateur"))
    #expect(scores.argmax(-1).array(of: Int64.self).map(Int.init) == extended.choice)
  }

  @Test func guidanceEqualsItsFormula() {
    for one in fixture.guided {
      let scores = LogitGuidance.guided(by: [("guide", one.alpha)]).scores(logits("guide"))
      let found = (scores / one.temperature).logSoftmax(-1)
      #expect((found - tensor(one.log_probabilities)).abs().max().item() < 1e-9)
    }
    // Classifier-free guidance: 3 of the conditional model, −2 of the other.
    let free = fixture.classifier_free
    let mixture = LogitMixture([.init(LogitGuidance.own, free.gamma), .init("other", 1 - free.gamma)])
    let found = LogitGuidance(mixture).scores(logits("other")).logSoftmax(-1)
    #expect((found - tensor(free.log_probabilities)).abs().max().item() < 1e-9)
  }

  // MARK: Generating

  private let model = TinyModel(), other = TinyModel(seed: 9), third = TinyModel(width: 8, seed: 4)
  private static let prompts = TokenGeneratorTests.prompts

  /// Greedy choices of full passes, one prompt at a time.
  private func plain(_ prompt: [Int32], _ count: Int, _ mix: ([[Double]]) -> [Double]) -> [Int32] {
    var ids = prompt
    for _ in 0..<count {
      ids.append(Int32(best(mix([model, other, third].map { plainLogProbabilities($0, after: ids) }))))
    }
    return Array(ids[prompt.count...])
  }

  @Test(arguments: [1, 60, 100_000]) func generationFollowsTheMixture(tokenBudget: Int) throws {
    let guidance = LogitGuidance.guided(by: [("other", 1.5), ("third", -0.7)])
    let options = GenerationOptions(maxNewTokens: 12)
    let mixed = try MixedContext(
      guidance, ["other": other, "third": third], beside: model, Self.prompts, options)
    let all = try TokenGenerator(model).generate(Self.prompts, options, tokenBudget: tokenBudget, hook: mixed.hook)
    for (prompt, generation) in zip(Self.prompts, all) {
      let expected = plain(prompt, 12) { logs in
        logs[0].indices.map { logs[0][$0] + 1.5 * logs[1][$0] - 0.7 * logs[2][$0] }
      }
      #expect(generation.ids == expected)
    }
    // Not what the model says alone.
    #expect(try TokenGenerator(model).generate(Self.prompts, options).map(\.ids) != all.map(\.ids))
  }

  /// Sequences end at different steps, and lose their rows in all models.
  @Test func finishedSequencesLeaveTheOthersAlone() throws {
    let guidance = LogitGuidance.contrasting("other", plausibility: 0.2)
    func generate(_ stop: Set<Int32>) throws -> [[Int32]] {
      let options = GenerationOptions(maxNewTokens: 16, stopIDs: stop)
      let mixed = try MixedContext(guidance, ["other": other], beside: model, Self.prompts, options)
      return try TokenGenerator(model).generate(Self.prompts, options, hook: mixed.hook).map(\.ids)
    }
    let whole = try generate([])
    for (prompt, ids) in zip(Self.prompts, whole) {
      let expected = plain(prompt, 16) { logs in
        let floor = (logs[0].max() ?? 0) + log(0.2)
        return logs[0].indices.map { logs[0][$0] < floor ? -.infinity : logs[0][$0] - logs[1][$0] }
      }
      #expect(ids == expected)
    }
    let stops = Set(whole.prefix(5).enumerated().map { $1[2 * $0 + 1] })
    for (long, short) in zip(whole, try generate(stops)) {
      #expect(short == Array(long.prefix { !stops.contains($0) }))
    }
  }

  /// The model beside itself, reading another prompt of another length: contrastive decoding by prompt.
  @Test(arguments: [1, 100_000]) func aModelMayReadOtherPrompts(tokenBudget: Int) throws {
    let guidance = LogitGuidance.contrasting("amateur", plausibility: 0.05)
    let options = GenerationOptions(maxNewTokens: 8)
    let before = Self.prompts.indices.map { [Int32](repeating: 5, count: $0 % 3 + 1) }
    let told = zip(before, Self.prompts).map { $0 + $1 }
    let mixed = try MixedContext(
      guidance, ["amateur": model], beside: model, Self.prompts, options, reading: ["amateur": told])
    let all = try TokenGenerator(model).generate(Self.prompts, options, tokenBudget: tokenBudget, hook: mixed.hook)
    for (index, generation) in all.enumerated() {
      var ids = [Int32]()
      for _ in 0..<8 {
        let own = plainLogProbabilities(model, after: Self.prompts[index] + ids)
        let amateur = plainLogProbabilities(model, after: told[index] + ids)
        let floor = (own.max() ?? 0) + log(0.05)
        ids.append(Int32(best(own.indices.map { own[$0] < floor ? -.infinity : own[$0] - amateur[$0] })))
      }
      #expect(generation.ids == ids)
    }
    #expect(try TokenGenerator(model).generate(Self.prompts, options).map(\.ids) != all.map(\.ids))
  }

  @Test func aModelOfAnotherVocabularyIsRefused() {
    let small = TinyModel(vocabulary: 20)
    #expect(throws: DecodingError.self) {
      try MixedContext(
        .guided(by: [("small", 1)]), ["small": small], beside: model, [[1]], GenerationOptions(maxNewTokens: 2))
    }
    let short = TinyModel(context: 8)
    #expect(throws: DecodingError.self) {
      try MixedContext(
        .guided(by: [("short", 1)]), ["short": short], beside: model, [[1, 2, 3]], GenerationOptions(maxNewTokens: 9))
    }
  }
}
