// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import Objectives
import Recipes
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// A run of the gradient experiment.
struct GradientRun {
  private let experiment: GradientExperiment
  private let context: RunContext
  private let variant: GradientVariant
  private let seed: UInt64
  private let limit: Double
  private let artifacts: RunArtifacts
  private let model: any PretrainedModel
  private let problems: [(prompt: String, answer: String, value: Double)]

  init(_ experiment: GradientExperiment, _ run: GridRun, _ context: RunContext) throws {
    let seed = UInt64(run.seed)
    (self.experiment, self.context, self.seed) = (experiment, context, seed)
    guard let variant = GradientVariant(rawValue: run.variant) else {
      throw InputError(path: run.name, place: "variant", expected: "a kind of gradient", found: run.variant)
    }
    self.variant = variant
    let digits = run.count, place = try context.emptyOutput()
    limit = (0..<digits).reduce(1) { power, _ in power * 10 }
    let numbers = NoisyNumbers(count: 2000, noise: 0.5, digits: digits)
    try numbers.write(to: place + "/data", seed: run.seed)
    try NewLanguageModel(width: 64, layers: 2, contextLength: 128, seed: seed).write(to: place + "/model")
    func settings(_ preset: Preset) -> RunSettings {
      var run = RunSettings(
        model: place + "/model", data: DataSettings(train: "\(place)/data/train.jsonl"),
        metrics: [MetricSettings(name: "y", tokens: .digits)],
        objective: ObjectiveSettings(preset: preset, alpha: 1),
        train: TrainSettings(
          length: .steps(experiment.warmup), batch: experiment.batch, learningRate: 1e-3, seed: seed, fromScratch: true,
          samples: 0),
        evaluate: EvaluateSettings(distribution: false), output: place + "/run")
      run.path = "gradients"
      return run
    }
    model = try TrainedRun(settings(.sft), context, thenPercent: 100 * experiment.batches / experiment.warmup).model
    artifacts = try RunArtifacts(settings(Preset(rawValue: variant.rawValue) ?? .sft))
    let file = try JSONLFile(place + "/data/train.jsonl")
    problems = try (0..<file.count).map { index in
      let line = try file.record(index), answer = try line.at("completion").string()
      guard let value = Self.number(answer) else {
        throw InputError(path: file.name(index), expected: "a number", found: answer)
      }
      return (try line.at("prompt").string(), answer, value)
    }
    try removeTree(place)
  }

  private static func number(_ text: String) -> Double? {
    let digits = text.trimmingPrefix(" ")
    return digits.allSatisfy { ("0"..."9").contains($0) } ? Double(digits) : nil
  }

  /// Gradients of all batches, as sums.
  func outcome() throws -> GradientOutcome {
    model.unfreeze()
    let parameters = model.parameters().map(\.tensor)
    let sum = Tensor.zeros([parameters.reduce(0) { $0 + $1.count }], dtype: .float64)
    var sumOfSquares = 0.0
    for index in 0..<experiment.batches {
      let gradient = try withTorchErrors {
        try batchGradient(index)
        let all = parameters.map { ($0.grad ?? $0.zerosLike()).detach().reshape([-1]).to(.float64) }
        for parameter in parameters { parameter.grad = nil }
        return Tensor.cat(all)
      }
      noGrad { sum.add_(gradient) }
      sumOfSquares += gradient.square().sum().item()
      context.say("gradients", experiment.warmup + index + 1, of: experiment.warmup + experiment.batches)
    }
    return GradientOutcome(
      squaredSum: sum.square().sum().item(), sumOfSquares: sumOfSquares, count: experiment.batches)
  }

  /// Leaves the gradient of a batch in the parameters.
  private func batchGradient(_ index: Int) throws {
    var random = CounterGenerator(0x6772_6164, seed, UInt64(index))
    let drawn = (0..<experiment.batch).map { _ in problems[random.next(below: problems.count)] }
    if variant == .sequence { return try sequenceLoss(drawn, &random).backward() }
    let batch = TokenBatch(
      drawn.map { artifacts.encoder.encode(prompt: $0.prompt, answer: $0.answer) },
      streams: drawn.map { _ in random.next() })
    // The distance's term alone: the whole objective less its cross entropy.
    try (loss(artifacts.objective, batch) - loss(Objective(), batch)).backward()
  }

  private func loss(_ objective: Objective, _ batch: TokenBatch) throws -> Tensor {
    let hidden = model.hidden(
      ModelInput(ids: Tensor(batch.ids, shape: [batch.rows, batch.length]), documents: batch.documentLengths),
      cache: nil, rows: Tensor(objective.rows(of: batch.supervision)))
    return objective.loss(
      of: hidden, head: model.head, supervision: batch.supervision,
      denominators: objective.denominators(of: [batch.supervision])
    ).total
  }

  /// Whose gradient is that of −E[R] over answers drawn from the model, estimated with one each.
  private func sequenceLoss(
    _ drawn: [(prompt: String, answer: String, value: Double)], _ random: inout CounterGenerator
  ) throws -> Tensor {
    let prompts = drawn.map { artifacts.encoder.prompt($0.prompt) }
    let answers = try TokenGenerator(model).generate(
      prompts,
      GenerationOptions(
        maxNewTokens: String(Int(limit)).count + 1, sampling: Sampling(seed: random.next()),
        stopIDs: Set(artifacts.encoder.ends.ids))
    ).map(\.ids)
    let rewards = zip(answers, drawn).map { ids, problem in
      let value = Self.number(artifacts.tokenizer.decode(ids.filter { !artifacts.encoder.ends.ids.contains($0) }))
      // What is no number is as wrong as can be.
      return -(value.map { min(abs($0 - problem.value), limit) } ?? limit)
    }
    let total = rewards.reduce(0, +), others = Double(rewards.count - 1)
    let advantages = rewards.map { $0 - (total - $0) / others }
    return logProbabilities(prompts, answers).dot(advantages) / -Double(rewards.count)
  }

  /// Σ log π of each answer's tokens, `[B]`.
  private func logProbabilities(_ prompts: [[Int32]], _ answers: [[Int32]]) -> Tensor {
    let rows = zip(prompts, answers).map { $0 + $1 }, length = rows.map(\.count).max() ?? 0
    let ids = rows.flatMap { $0 + [Int32](repeating: 0, count: length - $0.count) }
    var places = [Int32](), labels = [Int64](), owners = [Int64]()
    for (row, (prompt, answer)) in zip(prompts, answers).enumerated() {
      for (offset, id) in answer.enumerated() {
        places.append(Int32(row * length + prompt.count + offset - 1))
        labels.append(Int64(id))
        owners.append(Int64(row))
      }
    }
    // Padding stands on the right, where nothing looks.
    let hidden = model.hidden(
      ModelInput(ids: Tensor(ids, shape: [rows.count, length])), cache: nil, rows: Tensor(places))
    let chosen = model.head(hidden).logSoftmax(-1).gather(1, Tensor(labels, shape: [labels.count, 1])).squeeze(1)
    return Tensor.zeros([rows.count]).indexAdd(0, Tensor(owners), chosen)
  }
}

extension Tensor {
  /// Σ of a vector times numbers.
  fileprivate func dot(_ numbers: [Double]) -> Tensor { (self * Tensor(numbers.map(Float.init))).sum() }
}
