// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Packed = padded = one by one, for every preset.
@Suite struct PackingTests {
  /// Ways to lay out the same step.
  static let ways: [(layout: BatchLayout, microBatch: MicroBatch)] = [
    (.padded, .examples(1)), (.padded, .tokens(40)), (.packed(rowLength: 20), .wholeStep),
    (.packed(rowLength: 64), .wholeStep), (.packed(rowLength: 1), .wholeStep), (.packed(rowLength: 30), .tokens(45)),
    (.packed(rowLength: 1000), .examples(3)),
  ]

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama").path

  private static func source(
    _ objective: Objective, _ layout: BatchLayout, _ microBatch: MicroBatch, count: Int = 14
  ) throws -> ExampleBatches {
    let examples = try Fixture.toyRun().examples, sampler = objective.contrastiveSampler(seed: 3)
    return ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: count, seed: 5), microBatch: microBatch, layout: layout,
      twoPass: objective.needsContrastivePass,
      contrastiveExample: sampler.map { sampler in { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) } })
  }

  /// Losses of a step and every gradient, in the type of the model.
  private func step(
    _ model: any TokenModel, _ objective: Objective, _ way: (layout: BatchLayout, microBatch: MicroBatch)
  ) throws -> (loss: [Double], gradients: [(key: String, value: Tensor)]) {
    let batches = try Self.source(objective, way.layout, way.microBatch).batches(ofStep: 0)
    let denominators = objective.denominators(of: batches.map(\.supervision))
    for parameter in model.parameters() { parameter.tensor.grad = nil }
    var losses = [Double](repeating: 0, count: objective.names.count + 1)
    for batch in batches {
      let supervision = batch.supervision
      let hidden = model.hidden(
        ModelInput(
          ids: Tensor(batch.ids, shape: [batch.rows, batch.length]), documents: batch.documentLengths), cache: nil,
        rows: Tensor(supervision.logitRows + supervision.contrastLogitRows))
      let count = supervision.logitRows.count, contrasted = supervision.contrastLogitRows.count
      let loss = objective(
        hidden: hidden.narrow(0, 0, count),
        contrastHidden: contrasted == 0 ? nil : hidden.narrow(0, count, contrasted), head: model.head,
        supervision: supervision, denominators: denominators)
      loss.total.backward()
      for (index, value) in ([loss.total] + loss.lossTerms.map(\.value)).enumerated() { losses[index] += value.item() }
    }
    return (losses, model.parameters().map { ($0.key, ($0.tensor.grad ?? $0.tensor.zerosLike()).clone()) })
  }

  private func expectLayoutsAreEqual(
    _ model: any TokenModel, _ preset: Preset, lossTolerance: Double, gradientTolerance: Double
  ) throws {
    let objective = try Objective(
      preset, distanceLosses: [toyObjective(contrast: .twoPass(radius: 2)).terms[0].distanceLoss])
    let whole = try step(model, objective, (.padded, .wholeStep))
    #expect(whole.loss[0] > 0)
    for way in Self.ways {
      let other = try step(model, objective, way)
      for (a, b) in zip(whole.loss, other.loss) {
        #expect(abs(a - b) <= lossTolerance * max(abs(a), 1), "\(way): \(a), \(b)")
      }
      let scale = whole.gradients.reduce(0) { max($0, $1.value.norm().item()) }
      for (a, b) in zip(whole.gradients, other.gradients) {
        // Relative to its own size; a key's bias has no gradient but for rounding.
        let error = (a.value - b.value).norm().item()
        #expect(
          error <= gradientTolerance * max(a.value.norm().item(), 1e-3 * scale), "\(way): \(a.key) is off by \(error)")
      }
    }
  }

  @Test(arguments: Preset.allCases) func inDoublePrecision(preset: Preset) throws {
    let model = try Toy()
    model.unfreeze()
    try expectLayoutsAreEqual(model, preset, lossTolerance: 1e-13, gradientTolerance: 1e-11)
  }

  /// Llama with grouped-logit row attention, its own head width, biases; documents attended to in groups.
  @Test(arguments: ["gqa-llama3", "headdim-tied", "mha-biases"], Preset.allCases)
  func inLlama(name: String, preset: Preset) throws {
    Torch.threads = 1
    let model = try Llama(folder: Self.folder + "/" + name, options: LoadOptions(dtype: .float32))
    model.unfreeze()
    try expectLayoutsAreEqual(model, preset, lossTolerance: 1e-6, gradientTolerance: 2e-6)
  }

  /// The trainer's whole run: ten steps by packing are ten steps by padding.
  @Test func runsAreEqual() throws {
    func train(_ layout: BatchLayout) throws -> [Double] {
      try Trainer(try Toy(), toyObjective(), toyRule, options: toyOptions).fit(toyBatches(layout: layout, seed: 2))
        .losses
    }
    let padded = try train(.padded), packed = try train(.packed(rowLength: 24))
    #expect(zip(padded, packed).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  /// A step holds the examples it held, each once, and says how many tokens they are.
  @Test func stepsHoldTheSameExamples() throws {
    let objective = try toyObjective(contrast: .twoPass(radius: 2))
    for step in 0..<7 {
      let whole = try Self.source(objective, .padded, .wholeStep, count: 4).batches(ofStep: step)
      let sources = whole.flatMap(\.sources).sorted(), tokens = whole.flatMap(\.lengths).sorted()
      for way in Self.ways {
        let parts = try Self.source(objective, way.layout, way.microBatch, count: 4).batches(ofStep: step)
        #expect(parts.flatMap(\.sources).sorted() == sources)
        #expect(parts.flatMap(\.lengths).sorted() == tokens)
        if case .tokens(let limit) = way.microBatch, way.layout == .padded {
          #expect(parts.allSatisfy { $0.rows * $0.length <= limit || $0.sources.count == 1 })
        }
      }
    }
  }

  /// A loss that is not finite is traced to its example inside a row of several.
  @Test func theSearchNamesExamplesInsideRows() throws {
    let model = try Toy()
    model.poison = { $0 + Tensor([0, 0, 0, .nan, 0, 0, 0, 0, 0] as [Double]).view([1, 9, 1]) }
    let good = EncodedExample(ids: [2, 3, 4], supervised: [true, true, true], source: "good")
    let bad = EncodedExample(ids: [2, 15, 15], supervised: [true, true, true], source: "bad")
    let source = ExampleBatches(
      [good, bad, good], plan: BatchPlan(count: 3, batch: 3, shuffled: false), layout: .packed(rowLength: 100))
    #expect(try source.batches(ofStep: 0).map(\.rows) == [1])
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model, .crossEntropy, AdamW(learningRate: 1e-3)).fit(source)
    }
    guard case .nonFinite(let found) = error else { return #expect(Bool(false), "\(String(describing: error))") }
    #expect(found.examples == ["bad"])
  }
}
