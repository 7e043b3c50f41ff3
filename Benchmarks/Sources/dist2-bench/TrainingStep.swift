// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// Whole optimizer steps of the trainer: collation, forward, backward, clipping, finite check, AdamW.
///
/// A step is timed from its `go` to its event, so whatever the loop does between steps is counted too. `repeat=n` takes n
/// steps a go; with `size=…` several processes share each, and with `shard=…` what they hold.
func trainingStep(_ worker: Worker, _ settings: Settings) throws {
  let batch = settings.int("batch", 8), length = settings.int("length", 128)
  let model: any TokenModel, digits: TokenSpace
  if let folder = settings.string("model") {
    model = try loadModel(folder: folder, options: LoadOptions(dtype: .float32, copying: true))
    digits = try TokenSpace.digits(of: Tokenizer(folder: folder))
  } else {
    model = Llama(try configuration(settings), generator: Generator(seed: 0))
    digits = try TokenSpace(
      name: "digits", unit: .digit, ids: (0..<10).map { 100 + $0 }, values: (0..<10).map { Double($0) })
  }
  let examples = exampleSet(
    count: batch * 8, length: length, answer: settings.int("answer", 8), digits: digits,
    vocabulary: model.vocabularySize)
  let group = try processGroup(settings),
    sharding = settings.string("shard").flatMap { Sharding(rawValue: $0) } ?? .none
  let source = ExampleBatches(
    (0..<1 << 16).map { examples[$0 % examples.count] },
    plan: BatchPlan(count: 1 << 16, batch: batch, shuffled: false),
    share: group.map { StepShare(rank: $0.rank, of: $0.size) } ?? .whole)
  let trainer = Trainer(
    model, try distances(over: digits), optimizer(settings.string("optimizer")),
    options: TrainingOptions(
      length: .steps(1 << 16), gradientNormLimit: settings.string("clip") == "none" ? nil : 1),
    reducer: group.map { DistributedReducer($0, sharding: sharding) } ?? SingleProcess())
  try worker.serve(trainer, source, repeats: settings.int("repeat", 1)) { $0.loss }
  group?.leave()
}

extension Worker {
  /// Answers every `go` with so many steps of the trainer; `check` is the number by which peers are compared.
  func serve(
    _ trainer: Trainer, _ source: any BatchSource, repeats: Int = 1, check: (StepMetrics) -> Double
  ) throws {
    ready()
    guard next() else { return }
    var start = Moment(), isOver = false
    trainer.shouldStop = { isOver }
    try trainer.fit(source) { event in
      guard case .step(let metrics) = event, metrics.step.isMultiple(of: repeats) else { return }
      answer(since: start, check: check(metrics))
      isOver = !next()
      start = Moment()
    }
  }
}

/// `none`, `adamw8bit`, or AdamW with float32 state.
private func optimizer(_ name: String?) -> any OptimizerRule {
  switch name {
  case "none": NoUpdate()
  case "adamw8bit": AdamW(learningRate: 1e-6, stateBits: .eight)
  default: AdamW(learningRate: 1e-6)
  }
}

/// Random prompts with an answer of which the last half is one number. peers/examples.py makes the same.
private func exampleSet(
  count: Int, length: Int, answer: Int, digits: TokenSpace, vocabulary: Int
) -> [EncodedExample] {
  Torch.seed(1)
  let random = Tensor.randint(0, vocabulary, [count, length]).array(of: Int64.self)
  let places = answer / 2
  return (0..<count).map { row in
    var ids = random[row * length..<(row + 1) * length].map { Int32($0) }
    let metrics = (0..<places).map { place -> MetricPosition in
      let position = length - places + place, candidate = Int(ids[position]) % digits.count, rank = places - place
      ids[position] = digits.ids[candidate]
      return MetricPosition(
        position: position, candidate: candidate,
        place: PlaceValue(rankInNumber: rank, rankInRun: rank, exponent: rank - 1), number: 0)
    }
    return EncodedExample(
      ids: ids, supervised: (0..<length).map { $0 >= length - answer }, metrics: metrics)
  }
}

/// SmolLM2-135M's shape, or another.
private func configuration(_ settings: Settings) throws -> LlamaConfiguration {
  let hidden = settings.int("hidden", 576), heads = settings.int("heads", hidden / 64)
  return LlamaConfiguration(
    vocabularySize: settings.int("v", 49_152), hiddenSize: hidden,
    intermediateSize: settings.int("inner", hidden * 8 / 3),
    layers: settings.int("layers", 30), heads: heads, keyValueHeads: settings.int("kvheads", max(1, heads / 3)),
    tiesEmbeddings: true)
}

/// An optimizer that leaves everything as it is: what a step costs before the update.
private struct NoUpdate: OptimizerRule {
  let learningRate = 0.0
  let groups: [ParameterGroup] = []
  func makeOptimizer(for parameters: [OptimizedParameter]) -> any Optimizer { Idle() }

  private final class Idle: Optimizer {
    let state: [OptimizerState] = []
    func update(gradients: [Tensor?], gradientFactor: Double, learningRateFactor: Double) {}
  }
}
