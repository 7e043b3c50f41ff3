// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing

@Suite struct EvaluatorTests {
  let model = TinyModel()

  /// Ids 0 … 9 are digits; other tokens are letters.
  func decode(_ ids: [Int32]) -> String {
    ids.map { $0 < 10 ? "\($0)" : " \(UnicodeScalar(UInt8(87 + $0)))" }.joined()
  }

  @Test func recordsTellWhatWasSaidAndBelieved() throws {
    let digits = try TokenSpace(name: "digits", unit: .digit, ids: Array(0...9), values: (0...9).map(Double.init))
    let items = (0..<12).map { index in
      let ids = [Int32(index), Int32(22 - index), 5]
      return EvaluationItem(id: "line \(index)", prompt: decode(ids), ids: ids, reference: "4", truth: [4])
    }
    let evaluator = Evaluator(
      generator: TokenGenerator(model), options: GenerationOptions(maxNewTokens: 5, logProbabilities: true),
      readOut: .init(space: try .tokens(of: digits), estimate: .median, level: 0.5), decode: decode)
    var seen = [Int]()
    let records = try evaluator.records(for: items, tokenBudget: 24) { seen.append($0) }
    #expect(seen == Array(1...12))
    #expect(records.map(\.id) == items.map(\.id))
    let free = try TokenGenerator(model).generate(items.map(\.ids), .init(maxNewTokens: 5, logProbabilities: true))
    for (record, generation) in zip(records, free) {
      #expect(record.text == decode(generation.ids))
      #expect(record.values == parseNumber(in: record.text).map { [$0] })
      #expect(record.error == record.values.map { abs($0[0] - 4) })
      #expect(abs(record.logProbability! - generation.logProbabilities!.reduce(0, +)) < 1e-5)
      let belief = try #require(record.beliefs.first)
      #expect(belief.low...belief.high ~= belief.decision)
      #expect(belief.level == 0.5)
    }
    #expect(Set(records.map { $0.values == nil }).count == 2, "some answers are readable, some are not")

    let byText = EvaluationSummary(records, metrics: EvaluationMetric.allCases)
    let byDecision = EvaluationSummary(records, metrics: EvaluationMetric.allCases, judged: .decision)
    let byMean = EvaluationSummary(records, metrics: [.mae], judged: .mean)
    #expect(byText.unreadable > 0)
    #expect(byDecision.unreadable == 0)
    let distributions = try Scorer(model).distributions(over: try .tokens(of: digits), after: items.map(\.ids))
    func mean(_ f: (NumberDistribution) -> Double) -> Double { distributions.map(f).reduce(0, +) / 12 }
    #expect(abs(byDecision[.mae]! - mean { abs($0.median - 4) }) < 1e-12)
    #expect(abs(byMean[.mae]! - mean { abs($0.mean - 4) }) < 1e-6)
    #expect(abs(byText[.crps]! - mean { $0.crps(4) }) < 1e-6)
    #expect(abs(byText[.coverage]! - mean { $0.interval(0.5).contains(4) ? 1 : 0 }) < 1e-12)

    let back = try JSONDecoder().decode([PredictionRecord].self, from: JSONEncoder().encode(records))
    #expect(back == records)
  }
}
