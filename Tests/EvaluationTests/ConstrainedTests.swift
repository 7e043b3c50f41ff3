// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing
import Torch

@Suite struct ConstrainedTests {
  let model = TinyModel()
  let prompts: [[Int32]] = [[1, 2, 3], [22], [9, 8], [4, 4, 4, 4, 4]]

  func space() throws -> TokenSpace {
    try TokenSpace(name: "scores", unit: .number, ids: [11, 3, 17, 6], values: [0, 1, 2, 3])
  }

  @Test func oneTokenOfASpace() throws {
    let space = try space()
    let options = GenerationOptions(maxNewTokens: 1, logProbabilities: true)
    let all = try TokenGenerator(model).generate(prompts, options, hook: Constrained.to(space))
    for (prompt, generation) in zip(prompts, all) {
      let logs = plainLogProbabilities(model, after: prompt)
      let best = space.ids.max { logs[Int($0)] < logs[Int($1)] }
      #expect(generation.ids == [best])
      let sum = space.ids.map { exp(logs[Int($0)]) }.reduce(0, +)
      #expect(abs(generation.logProbabilities![0] - (logs[Int(best!)] - log(sum))) < 1e-5)
    }
  }

  @Test func answersOfASpaceThenTheEnd() throws {
    let digits = try TokenSpace(name: "digits", unit: .digit, ids: Array(0...9), values: (0...9).map(Double.init))
    let format = NumberFormat(
      digits: digits, integerDigits: 1...2, fractionDigits: 0...2, point: 10, minus: 11, ends: [12, 13],
      bounds: -12.5...30)
    let numbers = try AnswerSpace.numbers(format)
    let options = GenerationOptions(maxNewTokens: 12, sampling: Sampling(temperature: 3, seed: 1), stopIDs: [20])
    let many = (0..<300).map { prompts[$0 % 4] }
    for generation in try TokenGenerator(model).generate(many, options, hook: Constrained.to(numbers, end: 20)) {
      #expect(generation.finish == .stop)
      guard case .value(let value) = numbers.after(generation.ids) else {
        Issue.record("\(generation.ids) is not whole")
        continue
      }
      #expect((-12.5...30).contains(value))
      let text = generation.ids.filter { $0 < 12 }.map { $0 == 10 ? "." : $0 == 11 ? "-" : "\($0)" }.joined()
      #expect(Double(text) == value)
    }
  }

  @Test func someRowsMayBeFreeAndOthersStuck() throws {
    let free = try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 4))
    let hook = Constrained.to { generated in generated.count == 2 ? [5, 6] : nil }
    let all = try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 4), hook: hook)
    for (constrained, free) in zip(all, free) {
      #expect(constrained.ids[..<2] == free.ids[..<2])
      #expect([5, 6].contains(constrained.ids[2]))
    }
    #expect(throws: DecodingError.self) {
      try TokenGenerator(model).generate(prompts, .init(maxNewTokens: 4), hook: Constrained.to { _ in [] })
    }
  }

  @Test func bayesDecisionWhereTheModelWouldAnswer() throws {
    let space = try space()
    var random = CounterGenerator(3)
    let distances = (0..<4).map { _ in (0..<4).map { _ in Double(random.next(below: 100)) } }
    let many = (0..<40).map { _ in (0..<3).map { _ in Int32(random.next(below: 23)) } }
    let hook = Constrained.leastExpectedDistance(in: space, distances: distances)
    let all = try TokenGenerator(model).generate(many, .init(maxNewTokens: 1), hook: hook)
    var changed = 0
    for (prompt, generation) in zip(many, all) {
      let logs = plainLogProbabilities(model, after: prompt), top = Int32(best(logs))
      guard space.candidate(of: top) != nil else {
        #expect(generation.ids == [top])
        continue
      }
      let costs = (0..<4).map { choice in
        (0..<4).map { exp(logs[Int(space.ids[$0])]) * distances[$0][choice] }.reduce(0, +)
      }
      #expect(generation.ids == [space.ids[best(costs.map { -$0 })]])
      changed += generation.ids == [top] ? 0 : 1
    }
    #expect(changed > 0, "the decision differs from the best token somewhere")
  }
}
