// SPDX-License-Identifier: Apache-2.0
import Evaluation
import TokenModels
import Torch

/// Greedy decoding of random prompts of 16 … 40 tokens, all side by side.
func generate(_ worker: Worker, _ settings: Settings) throws {
  let model = try loadModel(folder: settings.required("model"), options: LoadOptions(dtype: .float32))
  let prompts = randomSequences(settings.int("prompts", 64), vocabulary: model.vocabularySize) { 16 + $0 * 7 % 25 }
  let options = GenerationOptions(maxNewTokens: settings.int("tokens", 32))
  try worker.serve {
    let answers = try TokenGenerator(model).generate(prompts, options)
    precondition(answers.allSatisfy { $0.ids.count == options.maxNewTokens }, "an answer ended early")
    return answers.reduce(0) { $0 + Double($1.ids[0]) }
  }
}

/// Log-probabilities of random continuations of 8 tokens after prompts of 24 … 48.
func score(_ worker: Worker, _ settings: Settings) throws {
  let model = try loadModel(folder: settings.required("model"), options: LoadOptions(dtype: .float32))
  let sequences = randomSequences(settings.int("prompts", 64), vocabulary: model.vocabularySize) { 32 + $0 * 7 % 25 }
  let items = sequences.map { Continuation(prompt: Array($0.dropLast(8)), ids: Array($0.suffix(8))) }
  try worker.serve {
    try Scorer(model).logLikelihoods(of: items).reduce(0) { $0 + $1.reduce(0, +) }
  }
}

/// peers/sequences.py makes the same.
private func randomSequences(_ count: Int, vocabulary: Int, length: (Int) -> Int) -> [[Int32]] {
  Torch.seed(2)
  let ids = Tensor.randint(0, vocabulary, [count, 64]).array(of: Int64.self)
  return (0..<count).map { row in ids[row * 64..<row * 64 + length(row)].map { Int32($0) } }
}
