// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Steps on the stand-in equal those by the CPU's kernels, and wait once each: for the losses.
@Suite(onGPU) struct TrainingStepTests {
  private static let once = ["read": 1]

  private func compare(
    _ name: String, tolerance: Double = 1e-5, waits: [String: Int] = TrainingStepTests.once,
    _ train: (Device) throws -> Trained
  ) throws {
    let here = try train(.cpu), there = try train(.cuda())
    there.expectEqual(here, tolerance: tolerance, name)
    for found in there.waits { expectWaits(waits, found, name) }
    #expect(there.losses[0] != there.losses[1])
  }

  @Test(
    arguments: [
      "llama/gqa-llama3", "llama/mha-biases", "llama/headdim-tied", "decoders/gpt2", "decoders/gpt-neox",
      "decoders/gemma2",
      "decoders/gemma3", "decoders/qwen3", "decoders/phi4-mini", "decoders/granite", "decoders/smollm3",
      "decoders/olmo2",
      "decoders/mistral-window",
    ], [BatchLayout.padded, .packed(rowLength: 64)])
  func textModels(path: String, layout: BatchLayout) throws {
    let objective = try digitObjective()
    try compare("\(path) \(layout)") { device in
      try Trained(try loaded(path, device), objective, sumBatches(layout: layout))
    }
  }

  /// A router's choice is read in every layer with experts, forward and once more where it is computed again.
  @Test func expertsAreWaitedForInEachLayer() throws {
    let objective = try digitObjective(), layers = 2, microBatches = 2
    try compare("experts", waits: ["read": 1 + layers * microBatches]) { device in
      // The fourth step has a micro-batch less.
      try Trained(try loaded("decoders/qwen3-moe", device), objective, sumBatches(), steps: 3)
    }
  }

  static let objectives: [(name: String, objective: Objective)] = [
    ("over the vocabulary", try! digitObjective(softmax: .vocabulary)),
    ("two passes", try! digitObjective(contrast: .twoPass(radius: 2))),
    ("shared pass", try! digitObjective(softmax: .vocabulary, contrast: .shared(radius: 2))),
    ("expected distance", try! digitObjective(.expectedDistance)),
    ("policy gradient", try! digitObjective(.policyGradient(samples: 4, baseline: .leaveOneOut))),
    ("label smoothing", Objective(labelSmoothing: 0.1)),
  ]

  @Test(arguments: objectives.indices) func everyObjective(index: Int) throws {
    let (name, objective) = Self.objectives[index]
    try compare(name) { device in
      try Trained(try loaded("llama/gqa-llama3", device), objective, sumBatches(objective))
    }
  }

  @Test(arguments: [1, 5]) func logitsInChunks(rows: Int) throws {
    let objective = try digitObjective(contrast: .twoPass(radius: 2))
    try compare("chunks of \(rows)") { device in
      try RowsAtOnce.$number.withValue(rows) {
        try Trained(try loaded("decoders/gemma2", device), objective, sumBatches(objective))
      }
    }
  }

  @Test func halfPrecision() throws {
    let objective = try digitObjective()
    func train(_ device: Device) throws -> Trained {
      try Trained(
        try loaded("llama/gqa-llama3", device), objective, sumBatches(), AdamW(learningRate: 2e-3), steps: 30,
        dtype: .bfloat16)
    }
    let here = try train(.cpu), there = try train(.cuda())
    for found in there.waits { expectWaits(Self.once, found, "bfloat16") }
    // Products round otherwise: alike, not equal.
    #expect(abs(there.losses[0] - here.losses[0]) < 0.01 * here.losses[0])
    #expect(abs(there.losses[29] - here.losses[29]) < 0.1 * here.losses[29], "\(there.losses[29]), \(here.losses[29])")
    #expect(there.losses[29] < 0.8 * there.losses[0])
  }

  @Test(arguments: AdamW.StateBits.allCases) func optimizers(bits: AdamW.StateBits) throws {
    let objective = try digitObjective()
    let rule = AdamW(learningRate: 2e-3, weightDecay: 0.1, groups: [.vectorsWithoutDecay], stateBits: bits)
    try compare("\(bits) bits", tolerance: 2e-5) { device in
      try Trained(try wide(device), objective, sumBatches(), rule, steps: 6)
    }
  }

  @Test func adaptersWithDropoutAndRecomputedLayers() throws {
    let objective = try digitObjective()
    func train(_ device: Device, recomputing: Bool, dropout: Double = 0.3) throws -> Trained {
      let model = try adapted(device, dropout: dropout)
      model.checkpointsActivations = recomputing
      return try Trained(model, objective, sumBatches())
    }
    let plain = try train(.cuda(), recomputing: false), again = try train(.cuda(), recomputing: true)
    #expect(plain.losses == again.losses)
    #expect(plain.weights == again.weights)
    for found in plain.waits { expectWaits(Self.once, found, "adapters") }
    let steady = try train(.cuda(), recomputing: true, dropout: 0)
    #expect(steady.losses != plain.losses)
    steady.expectEqual(try train(.cpu, recomputing: false, dropout: 0), "adapters")
  }

  @Test(arguments: [RatingObjective.Loss.bradleyTerry, .marginBradleyTerry]) func ratings(loss: RatingObjective.Loss)
    throws
  {
    let pairs = (0..<Int32(6)).map { (index: Int32) -> EncodedExample in
      let chosen: [Int32] = [1, 5, 6 + index, 9], rejected: [Int32] = [1, 5, 20 + index]
      return EncodedExample(
        chosen: chosen, rejected: rejected, margin: Double(index % 3) + 1, source: "pair \(index)")
    }
    try compare("\(loss)") { device in
      try Trained(
        try loaded("classifier/one", device), RatingObjective(loss, centering: 0.01),
        ExampleBatches(pairs, plan: BatchPlan(count: pairs.count, batch: 3), pad: 47))
    }
  }

  @Test(arguments: ["dpo", "orpo", "simpo"]) func responses(name: String) throws {
    let objective = try SequenceObjective(try #require(SequencePreset(rawValue: name)), SequenceParameters())
    let examples = (0..<Int32(6)).map { (index: Int32) -> EncodedExample in
      let responses: [[Int32]] = [[6 + index, 9, 3], [20 + index, 4]]
      let documents = responses.map { response in
        EncodedExample(ids: [1, 5] + response, supervised: [false, false] + response.map { _ in true })
      }
      return EncodedExample(documents: documents, Responses(.preference), source: "pair \(index)")
    }
    // The log-probabilities of a reference model are read batch by batch.
    let reads = objective.needsReference ? 2 : 1
    try compare(name, waits: ["read": reads]) { device in
      let source = ExampleBatches(examples, plan: BatchPlan(count: examples.count, batch: 6))
      let reference = ReferenceModel.twin(try loaded("llama/gqa-llama3", device))
      return try Trained(
        try loaded("llama/gqa-llama3", device), objective,
        objective.needsReference ? ReferencedBatches(source, reference: reference) : source)
    }
  }

  @Test func imageCodes() throws {
    let book = try CodeBook(Tensor.randn([48, 4], generator: Generator(seed: 5)))
    let space = try TokenSpace(name: "codes", ids: Array(0..<48))
    let objective = try Objective(
      .dist,
      distanceLosses: [
        DistanceLoss(space, target: TargetDistribution(MeanSquaredDistance(book), temperature: .perplexity(5)))
      ])
    var generator = CounterGenerator(4)
    let examples = (0..<Int32(6)).map { (index: Int32) -> EncodedExample in
      let codes = (0..<16).map { _ in Int32(generator.next(below: 48)) }
      return EncodedExample(
        ids: [48 + index % 5] + codes, supervised: [false] + codes.map { _ in true },
        metrics: codes.enumerated().map { MetricPosition(position: $0 + 1, candidate: Int($1), number: $0) },
        source: "image \(index)")
    }
    try compare("image codes") { device in
      try Trained(
        try loaded("images/gpt", device), objective,
        ExampleBatches(examples, plan: BatchPlan(count: examples.count, batch: 3)))
    }
  }

  @Test func pictures() throws {
    var generator = CounterGenerator(9)
    let pixels = (0..<3 * 12 * 12).map { _ in Float(generator.next(below: 1000)) / 500 - 1 }
    let image = PreparedImage(channels: 3, height: 12, width: 12, values: pixels)
    let objective = try digitObjective()
    try compare("pictures") { device in
      let model = try #require(try loaded("vision/llava", device) as? Llava), count = model.tokensPerImage
      let examples = sums.map { example in
        var example = example
        let tokens = [Int32](repeating: Int32(model.imageToken), count: count)
        example.ids = tokens + example.ids
        example.supervised = tokens.map { _ in false } + example.supervised
        example.metrics = example.metrics.map {
          var metric = $0
          metric.position += count
          return metric
        }
        example.images = [ExampleImage(path: "picture", position: 0, count: count)]
        return example
      }
      return try Trained(
        model, objective,
        ExampleBatches(
          examples, plan: BatchPlan(count: examples.count, batch: 4, seed: 3), microBatch: .examples(2),
          images: { $0.images.map { PlacedImage(image, position: $0.position, count: $0.count) } }))
    }
  }
}
