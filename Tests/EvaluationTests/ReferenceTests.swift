// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing
import TokenModels
import Torch
import TorchNN

/// Decoding and scoring of tiny Llama checkpoints, beside what transformers computes (Tests/Fixtures/evaluation).
@Suite struct ReferenceTests {
  let expected: Decoding

  init() throws { expected = try fixture("decoding") }

  @Test(arguments: [30, 16_384])
  func greedyContinuationsEqualTransformers(tokenBudget: Int) throws {
    for reference in expected.greedy {
      let generator = TokenGenerator(try checkpoint(reference.checkpoint))
      let all = try generator.generate(
        reference.cases.map(\.prompt), GenerationOptions(maxNewTokens: 20, logProbabilities: true),
        tokenBudget: tokenBudget)
      for (generation, wanted) in zip(all, reference.cases) {
        #expect(generation.ids == wanted.ids, "\(reference.checkpoint)")
        #expect(differ(generation.logProbabilities ?? [], wanted.logProbabilities) < 2e-5)
      }
    }
  }

  @Test(arguments: [10, 16_384])
  func logLikelihoodsEqualTransformers(tokenBudget: Int) throws {
    for reference in expected.likelihoods {
      let items = reference.items.map { Continuation(prompt: $0.prompt, ids: $0.ids) }
      let found = try Scorer(try checkpoint(reference.checkpoint)).logLikelihoods(of: items, tokenBudget: tokenBudget)
      for (found, wanted) in zip(found, reference.expected) { #expect(differ(found, wanted) < 2e-5) }
    }
  }

  @Test(arguments: [60, 16_384])
  func numbersEqualPassesOfTheirOwn(tokenBudget: Int) throws {
    let digits = try expected.digitSpace()
    let decimals = try AnswerSpace.numbers(
      NumberFormat(digits: digits, fractionDigits: 2...2, point: expected.point, bounds: 0...0.99))
    let integers = try AnswerSpace.numbers(
      NumberFormat(digits: digits, integerDigits: 1...3, ends: [expected.end], bounds: 0...120))
    for reference in expected.numbers {
      let scorer = Scorer(try checkpoint(reference.checkpoint)), prompts = reference.cases.map(\.prompt)
      let hundredths = try scorer.distributions(over: decimals, after: prompts, tokenBudget: tokenBudget)
      let wholes = try scorer.distributions(over: integers, after: prompts, tokenBudget: tokenBudget)
      for (index, wanted) in reference.cases.enumerated() {
        #expect(hundredths[index].values == (0..<100).map { Double($0) / 100 })
        #expect(wholes[index].values == (0...120).map(Double.init))
        check(hundredths[index], wanted.decimals)
        check(wholes[index], wanted.integers)
      }
    }
  }

  private func check(_ distribution: NumberDistribution, _ logs: [Double]) {
    let joint = distribution.probabilities.map { log($0 * distribution.coverage) }
    #expect(differ(joint, logs) < 1e-4)
    #expect(distribution.isExact)
  }

  @Test func filtersEqualTransformers() {
    let filters = expected.filters
    let width = filters.logits[0].count
    let logits = Tensor(filters.logits.flatMap { $0 }, shape: [filters.logits.count, width])
    for wanted in filters.cases {
      let sampling = Sampling(
        temperature: wanted.temperature, topK: wanted.topK, topP: wanted.topP, minP: wanted.minP)
      let (probabilities, tokens) = sampling.distribution(logits)
      let kept = probabilities.size(-1)
      let values = probabilities.array(of: Double.self), ids = tokens?.array(of: Int64.self)
      var found = [Double](repeating: 0, count: logits.count)
      for (place, value) in values.enumerated() {
        let row = place / kept
        found[row * width + (ids.map { Int($0[place]) } ?? place % kept)] = value
      }
      #expect(differ(found, wanted.probabilities.flatMap { $0 }) < 2e-7, "\(sampling)")
    }
  }
}

/// What `make.py` wrote to `decoding.json`.
struct Decoding: Decodable {
  struct Greedy: Decodable {
    struct Case: Decodable { var prompt: [Int32], ids: [Int32], logProbabilities: [Double] }
    var checkpoint: String, cases: [Case]
  }
  struct Likelihoods: Decodable {
    struct Item: Decodable { var prompt: [Int32], ids: [Int32] }
    var checkpoint: String, items: [Item], expected: [[Double]]
  }
  struct Numbers: Decodable {
    struct Case: Decodable { var prompt: [Int32], decimals: [Double], integers: [Double] }
    var checkpoint: String, cases: [Case]
  }
  struct Filters: Decodable {
    struct Case: Decodable {
      var temperature: Double, topK: Int?, topP: Double?, minP: Double?, probabilities: [[Double]]
    }
    var logits: [[Float]], cases: [Case]
  }
  var digits: [Int32], point: Int32, end: Int32
  var greedy: [Greedy], likelihoods: [Likelihoods], numbers: [Numbers], filters: Filters

  func digitSpace() throws -> TokenSpace {
    try TokenSpace(name: "digits", unit: .digit, ids: digits, values: (0...9).map(Double.init))
  }
}

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures").standardized

func fixture<T: Decodable>(_ name: String) throws -> T {
  try JSONDecoder().decode(T.self, from: Data(contentsOf: fixtures.appending(path: "evaluation/\(name).json")))
}

private func checkpoint(_ name: String) throws -> any TokenModel {
  try loadModel(folder: fixtures.appending(path: "llama/\(name)").path(), options: LoadOptions(dtype: .float32))
}

/// Largest difference of two lists; infinite if their counts differ.
func differ(_ a: [Double], _ b: [Double]) -> Double {
  a.count == b.count ? zip(a, b).map { abs($0 - $1) }.reduce(0, max) : .infinity
}
