// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TokenModels
import Torch
import TorchNN
import Training

/// Optimizer steps of direct preference optimisation on random pairs, with log-probabilities of the reference model that
/// were computed before the first of them. peers/preferences.py does the same by TRL.
///
/// `check` is the mean log-probability of the chosen responses.
func preferenceSteps(_ worker: Worker, _ settings: Settings) throws {
  let batch = settings.int("pairs", 8)
  let model = try loadModel(folder: settings.required("model"), options: LoadOptions(dtype: .float32, copying: true))
  let pairs = try withReference(
    model,
    randomPairs(
      batch * 4, prompt: settings.int("prompt", 64), answer: settings.int("answer", 64),
      vocabulary: model.vocabularySize))
  let source = ExampleBatches(
    (0..<1 << 12).map { pairs[$0 % pairs.count] }, plan: BatchPlan(count: 1 << 12, batch: batch, shuffled: false),
    microBatch: settings.string("micro") == nil ? .wholeStep : .examples(settings.int("micro", batch)))
  let objective = try SequenceObjective(.dpo, SequenceParameters(beta: 0.1))
  let trainer = Trainer(
    model, objective, AdamW(learningRate: 1e-6, weightDecay: 0),
    options: TrainingOptions(length: .steps(1 << 9), schedule: .constant, gradientNormLimit: 1))
  try worker.serve(trainer, source) { step in
    step.measurements?.first { $0.name == "logps/chosen" }?.value ?? .nan
  }
}

/// Pairs with the log-probabilities that the model as it is gives them.
private func withReference(_ model: any TokenModel, _ pairs: [EncodedExample]) throws -> [EncodedExample] {
  let folder = FileManager.default.temporaryDirectory.appending(path: "reference-\(UUID().uuidString)").path
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let cache = try ReferenceCache(folder, identity: ["pairs": "random"], examples: pairs.count)
  try cache.compute(pairs, by: .twin(model))
  let referenced = ReferencedExamples(pairs, cache)
  return try pairs.indices.map { try referenced.example($0) }
}

private func randomPairs(_ count: Int, prompt: Int, answer: Int, vocabulary: Int) -> [EncodedExample] {
  Torch.seed(1)
  let width = prompt + 2 * answer
  let random = Tensor.randint(0, vocabulary, [count, width]).array(of: Int64.self).map { Int32($0) }
  let learnt = [Bool](repeating: false, count: prompt) + [Bool](repeating: true, count: answer)
  return (0..<count).map { pair in
    let ids = Array(random[pair * width..<(pair + 1) * width])
    let responses = [Array(ids[prompt..<prompt + answer]), Array(ids.suffix(answer))]
    return EncodedExample(
      documents: responses.map { EncodedExample(ids: Array(ids.prefix(prompt)) + $0, supervised: learnt) },
      Responses(.preference), source: "pair \(pair + 1)")
  }
}
