// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Testing
import Torch

@Suite struct SamplingTests {
  let model = TinyModel()

  /// 5,000 draws of one token against the softmax that they come from.
  @Test(arguments: [
    Sampling(seed: 1), Sampling(temperature: 0.5, seed: 2), Sampling(temperature: 2, topK: 12, seed: 3),
  ])
  func frequenciesFollowTheSoftmax(sampling: Sampling) throws {
    let prompt: [Int32] = [3, 1, 4], count = 5_000
    let logs = plainLogProbabilities(model, after: prompt).map { $0 / sampling.temperature }
    let bar = sampling.topK.map { logs.sorted(by: >)[$0 - 1] } ?? -.infinity
    let weights = logs.map { $0 >= bar ? exp($0) : 0 }, sum = weights.reduce(0, +)
    let options = GenerationOptions(maxNewTokens: 1, sampling: sampling)
    let drawn = try TokenGenerator(model).generate([[Int32]](repeating: prompt, count: count), options)
    var counts = [Double](repeating: 0, count: weights.count)
    for generation in drawn { counts[Int(generation.ids[0])] += 1 }
    // Cells with few expected draws are put together, as the test's approximation demands.
    var chi = 0.0, cells = 0, rest = (expected: 0.0, found: 0.0)
    for (weight, found) in zip(weights, counts) {
      let expected = weight / sum * Double(count)
      if expected == 0 { #expect(found == 0) }
      if expected < 8 {
        rest = (rest.expected + expected, rest.found + found)
      } else {
        chi += (found - expected) * (found - expected) / expected
        cells += 1
      }
    }
    if rest.expected > 0 { chi += (rest.found - rest.expected) * (rest.found - rest.expected) / rest.expected }
    #expect(cells >= 2)
    // scipy.stats.chi2.ppf(1 - 1e-4, 22); fewer cells allow less, which the seeds keep well below.
    #expect(chi < 54.2, "\(cells) cells")
  }

  /// Draws of one sequence's steps are independent: pairs of successive tokens are as likely as the model says.
  @Test func successiveDrawsAreIndependent() throws {
    let options = GenerationOptions(maxNewTokens: 2, sampling: Sampling(topK: 2, seed: 5))
    let prompt: [Int32] = [7, 7], count = 4_000
    let drawn = try TokenGenerator(model).generate([[Int32]](repeating: prompt, count: count), options)
    func best(_ ids: [Int32]) -> [(id: Int32, share: Double)] {
      let logs = plainLogProbabilities(model, after: ids)
      let top = logs.indices.sorted { logs[$0] > logs[$1] }.prefix(2)
      let sum = top.map { exp(logs[$0]) }.reduce(0, +)
      return top.map { (Int32($0), exp(logs[$0]) / sum) }
    }
    for first in best(prompt) {
      for second in best(prompt + [first.id]) {
        let expected = first.share * second.share * Double(count)
        let found = Double(drawn.count { $0.ids == [first.id, second.id] })
        #expect(abs(found - expected) < 4 * (expected.squareRoot() + 1))
      }
    }
  }

  @Test func filteredTokensAreNeverDrawn() throws {
    let logits = Tensor([5, 4, 3, -2, 1, 0] as [Float], shape: [1, 6]).expand([2_000, 6]).contiguous()
    for (sampling, allowed) in [
      (Sampling(topK: 2), Set([0, 1])), (Sampling(topP: 0.6), Set([0])), (Sampling(topP: 0.85), Set([0, 1])),
      (Sampling(minP: 0.1), Set([0, 1, 2])), (Sampling(topK: 100, topP: 1), Set(0...5)),
    ] {
      let (probabilities, tokens) = sampling.distribution(logits)
      let first = probabilities.select(0, 0).array(of: Double.self)
      let ids = tokens?.select(0, 0).array(of: Int64.self).map(Int.init) ?? Array(0..<6)
      #expect(Set(zip(ids, first).filter { $0.1 > 0 }.map(\.0)) == allowed)
      #expect(abs(first.reduce(0, +) - 1) < 1e-12)
    }
  }
}
