// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Reward models with a head of their own, trained on pairs and on ratings; see `Tests/Fixtures/classifier/make.py`.
@Suite struct RatingTrainingTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/classifier").path

  struct Run: Decodable {
    struct Pair: Decodable { var chosen, rejected: [Int32], margin: Double }
    struct Step: Decodable { var loss, bradleyTerry, centering, norm: Double }
    var pairs: [Pair]
    var coefficient: Double
    var steps: [Step]

    init() throws {
      let file = URL(filePath: fixtures + "/training.json")
      self = try JSONDecoder().decode(Run.self, from: Data(contentsOf: file))
    }
    var examples: [EncodedExample] {
      pairs.enumerated().map { index, pair in
        EncodedExample(
          chosen: pair.chosen, rejected: pair.rejected, margin: pair.margin, source: "pairs line \(index + 1)")
      }
    }
  }

  enum Kind: Sendable, CaseIterable { case all, adapters, head }

  private func model(_ kind: Kind = .all, outputs: Int = 1, dtype: DType = .float32) throws -> SequenceClassifier {
    Torch.threads = 1
    let model = try SequenceClassifier(
      folder: Self.fixtures + (outputs == 1 ? "/one" : "/three"), options: LoadOptions(dtype: dtype))
    switch kind {
    case .all: break
    case .adapters: try model.addLoRA(LoRASettings(rank: 4, alpha: 8, targets: ["q_proj", "down_proj"]), seed: 5)
    case .head: try model.freeze(matching: ["model"])
    }
    return model
  }

  private func batches(
    _ examples: [EncodedExample], microBatch: MicroBatch = .wholeStep, layout: BatchLayout = .padded,
    seed: UInt64? = nil
  ) -> ExampleBatches {
    ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 4, seed: seed ?? 0, shuffled: seed != nil),
      microBatch: microBatch, layout: layout, pad: 47)
  }

  private let rule = AdamW(learningRate: 2e-3, weightDecay: 0.05)
  private let options = TrainingOptions(length: .steps(10), schedule: .constant, gradientNormLimit: 1)

  @Test func tenStepsEqualPyTorch() throws {
    let run = try Run(), model = try model()
    var steps: [StepMetrics] = []
    try Trainer(model, RatingObjective(.bradleyTerry, centering: run.coefficient), rule, options: options)
      .fit(batches(run.examples)) { if case .step(let metrics) = $0 { steps.append(metrics) } }
    #expect(steps.count == run.steps.count)
    for (step, expected) in zip(steps, run.steps) {
      #expect(step.lossTerms.map(\.name) == ["bradleyTerry", "centering"])
      #expect(step.lossTerms.map(\.weight) == [1, run.coefficient])
      #expect(abs(step.loss - expected.loss) < 2e-6, "step \(step.step)")
      #expect(abs(step.lossTerms[0].value - expected.bradleyTerry) < 2e-6)
      #expect(abs(step.lossTerms[1].value - expected.centering) < 1e-5 * max(1, expected.centering))
      #expect(abs(step.gradientNorm - expected.norm) < 1e-5 * max(1, expected.norm))
    }
    #expect(steps[0].supervisedTokens == 4 && steps[2].supervisedTokens == 2)
    #expect(steps[0].tokens == run.pairs.prefix(4).reduce(0) { $0 + $1.chosen.count + $1.rejected.count })
    for parameter in model.parameters() {
      let final = try stored(Self.fixtures + "/training.safetensors", parameter.key)
      #expect(difference(parameter.tensor, final) < 2e-5, "\(parameter.key)")
    }
  }

  /// Every loss, cut into micro-batches by examples or tokens, padded or end to end.
  @Test(arguments: RatingObjective.Loss.allCases.filter { !$0.givesEmbeddings && !$0.readsTexts })
  func howAStepIsCutChangesNothing(loss: RatingObjective.Loss) throws {
    let run = try Run()
    let examples: [EncodedExample]
    if loss.ranksLists {
      // Of two and of three.
      examples = run.pairs.enumerated().map { index, pair -> EncodedExample in
        let hasThird = index % 4 == 0
        let ranked: [[Int32]] = [pair.rejected, pair.chosen] + (hasThird ? [Array(pair.rejected.prefix(3))] : [])
        let scores: [Double] = [0, pair.margin + 1] + (hasThird ? [-1] : [])
        return EncodedExample(ranked: ranked, scores: scores)
      }
    } else {
      examples =
        loss.comparesPairs
        ? run.examples
        : run.pairs.map { EncodedExample(ids: $0.chosen, rated: [$0.margin, nil, Double($0.rejected.count % 5)]) }
    }
    let objective = RatingObjective(loss, centering: loss.comparesPairs ? 0.02 : nil, temperature: 0)
    func train(_ microBatch: MicroBatch, _ layout: BatchLayout) throws -> FinishMetrics {
      try Trainer(
        model(outputs: loss.givesOneScore ? 1 : 3, dtype: .float64), objective, rule, options: options
      ).fit(batches(examples, microBatch: microBatch, layout: layout, seed: 3))
    }
    let whole = try train(.wholeStep, .padded).losses
    #expect(mean(whole.suffix(2)) < 0.7 * mean(whole.prefix(2)))
    for (microBatch, layout) in [
      (.examples(1), .padded), (.examples(3), .padded), (.tokens(40), .padded), (.wholeStep, .packed(rowLength: 30)),
      (.tokens(40), .packed(rowLength: 20)),
    ] as [(MicroBatch, BatchLayout)] {
      let losses = try train(microBatch, layout).losses
      #expect(zip(whole, losses).allSatisfy { abs($0 - $1) < 1e-9 * max(1, $0) }, "\(microBatch), \(layout)")
    }
  }

  /// The same of heads that a language model is given: embeddings, and scores beside its last projection, tied or not.
  @Test(arguments: ["gqa-llama3", "headdim-tied"], [RatingObjective.Loss.generalPreference, .textRegularized])
  func heldTextsAndEmbeddingsAreCutAlike(name: String, loss: RatingObjective.Loss) throws {
    let folder = Self.fixtures + "/../llama/" + name, pairs = try Run().pairs
    func train(_ microBatch: MicroBatch, _ layout: BatchLayout) throws -> FinishMetrics {
      Torch.threads = 1
      let base = try loadModel(folder: folder, options: LoadOptions(dtype: .float64))
      let model = try SequenceClassifier(
        from: base, outputs: loss.givesEmbeddings ? 4 : 1, keepsTextHead: loss.readsTexts, seed: 1)
      #expect((model.textHead != nil) == loss.readsTexts)
      let ids = { (ids: [Int32]) in ids.map { $0 % Int32(base.vocabularySize) } }
      let examples = pairs.map { pair in
        let documents = [pair.chosen, pair.rejected].map { document in
          EncodedExample(ids: ids(document), supervised: document.indices.map { loss.readsTexts && $0 > 0 })
        }
        return EncodedExample(documents: documents, Responses(.preference), margin: 1)
      }
      return try Trainer(model, RatingObjective(loss), rule, options: options)
        .fit(batches(examples, microBatch: microBatch, layout: layout, seed: 3))
    }
    let whole = try train(.wholeStep, .padded).losses
    #expect(whole.allSatisfy(\.isFinite) && mean(whole.suffix(2)) < mean(whole.prefix(2)))
    for (microBatch, layout) in [
      (.examples(1), .padded), (.tokens(40), .padded), (.wholeStep, .packed(rowLength: 30)),
    ] as [(MicroBatch, BatchLayout)] {
      let losses = try train(microBatch, layout).losses
      #expect(zip(whole, losses).allSatisfy { abs($0 - $1) < 1e-9 * max(1, $0) }, "\(microBatch), \(layout)")
    }
  }

  /// A pair stays in one micro-batch and counts with both documents.
  @Test func pairsAreNotParted() throws {
    let examples = try Run().examples
    for layout in [BatchLayout.padded, .packed(rowLength: 64)] {
      let parts = try batches(examples, microBatch: .tokens(40), layout: layout).batches(ofStep: 0)
      #expect(parts.count > 1)
      #expect(parts.reduce(0) { $0 + $1.sources.count } == 4)
      for part in parts {
        #expect(part.documents.count == 2 * part.sources.count)
        #expect(part.supervision.comparisons.count == part.sources.count)
        let cost = layout == .padded ? part.rows * part.length : part.lengths.reduce(0, +)
        #expect(cost <= 40 || part.sources.count == 1)
      }
    }
  }

  @Test(arguments: Kind.allCases) func resumedEqualsUninterruptedBitForBit(kind: Kind) throws {
    let folder = try TemporaryFolder(), examples = try Run().examples
    func train(_ model: SequenceClassifier, _ path: String, stopAfter: Int = .max) throws -> FinishMetrics {
      let trainer = Trainer(model, .scaledBradleyTerry, rule, options: options)
      trainer.shouldStop = { trainer.progress.step >= stopAfter }
      return try trainer.fit(
        batches(examples, microBatch: .examples(3), seed: 7),
        validation: Validation(batches(examples), stepsBetween: 3), checkpoints: Checkpoints(folder.path + path))
    }
    let whole = try model(kind), first = try model(kind), second = try model(kind), initial = weights(of: whole)
    let expected = try train(whole, "/whole")
    _ = try train(first, "/parts", stopAfter: 4)
    let resumed = try train(second, "/parts")
    #expect(resumed.losses == expected.losses)
    #expect(resumed.best == expected.best)
    #expect(resumed.best != nil)
    #expect(weights(of: second) == weights(of: whole))
    let head = "score.weight"
    #expect(weights(of: whole)[head] != initial[head])
    #expect((weights(of: whole)["model.embed_tokens.weight"] == initial["model.embed_tokens.weight"]) == (kind != .all))

    // What a checkpoint holds goes into a fresh model: the head too.
    let file: String
    switch kind {
    case .all: file = "/model.safetensors"
    case .adapters: file = "/adapter_model.safetensors"
    case .head: file = "/trained.safetensors"
    }
    let step = folder.path + "/whole/step-10"
    #expect(FileManager.default.fileExists(atPath: step + file))
    let fresh = try model()
    try restore(fresh, from: step)
    #expect(weights(of: fresh) == weights(of: whole))
    if kind == .head { #expect(try SafetensorsFile(step + file).tensors.map(\.name) == [head]) }
  }

  /// The pair with a bad document is named, whichever of the two it is.
  @Test(arguments: [false, true]) func aPairThatIsNotFiniteIsNamed(isPacked: Bool) throws {
    let model = try model(), run = try Run()
    noGrad { model.parameters()[0].tensor.select(0, 46).fill_(.nan) }
    var examples = run.examples.map { example in
      var example = example
      for index in example.ids.indices where example.ids[index] == 46 { example.ids[index] = 45 }
      return example
    }
    examples[2].ids[examples[2].ids.count - 1] = 46
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model, .bradleyTerry, rule, options: options)
        .fit(batches(examples, layout: isPacked ? .packed(rowLength: 64) : .padded))
    }
    guard case .nonFinite(let found) = error else { throw TorchError("\(String(describing: error))") }
    #expect(found.examples == ["pairs line 3"])
    #expect(found.lossTerms == ["bradleyTerry"])
  }

  /// Ratings are nothing for an objective of pairs.
  @Test func aStepWithoutPairsIsRefused() throws {
    let examples = [EncodedExample(ids: [1, 2], rated: [3], source: "a line")]
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model(), .bradleyTerry, rule, options: options).fit(batches(examples))
    }
    #expect(error == .nothingSupervised(step: 1, examples: ["a line"]))
  }

  @Test func bfloat16Trains() throws {
    let run = try Run(), model = try model()
    var options = options
    (options.dtype, options.length) = (.bfloat16, .steps(30))
    let losses = try Trainer(model, .bradleyTerry, rule, options: options).fit(batches(run.examples)).losses
    #expect(model.head.weight.dtype == .bfloat16)
    #expect(mean(losses.suffix(3)) < 0.3 * mean(losses.prefix(3)))
  }
}
