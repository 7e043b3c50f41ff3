// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing

@Suite struct NumberDistributionTests {
  struct Expected: Decodable, CustomTestStringConvertible {
    var values: [Double], probabilities: [Double], truths: [Double], crps: [Double], mean: Double, variance: Double
    var shares: [Double], quantiles: [Double]
    var testDescription: String { "\(values.count) values" }
  }
  struct Metrics: Decodable { var distributions: [Expected] }

  /// numpy: E|X − y| − ½ E|X − X′|, weighted mean, variance and inverted-CDF quantiles.
  @Test func figuresEqualNumpy() throws {
    for wanted in try (fixture("metrics") as Metrics).distributions {
      let found = NumberDistribution(values: wanted.values, probabilities: wanted.probabilities.map { $0 * 0.3 })
      #expect(abs(found.coverage - 0.3) < 1e-12)
      #expect(abs(found.probabilities.reduce(0, +) - 1) < 1e-12)
      #expect(abs(found.mean - wanted.mean) < 1e-12)
      #expect(abs(found.variance - wanted.variance) < 1e-11)
      #expect(wanted.shares.map(found.quantile) == wanted.quantiles)
      #expect(differ(wanted.truths.map(found.crps), wanted.crps) < 1e-12)
    }
  }

  @Test func equalValuesAreOne() {
    let found = NumberDistribution(values: [3, 1, 3, -0.0, 0], probabilities: [0.1, 0.2, 0.1, 0.3, 0.3])
    #expect(found.values == [0, 1, 3])
    #expect(differ(found.probabilities, [0.6, 0.2, 0.2]) < 1e-15)
    #expect(found.mode == 0)
    #expect(found.median == 0)
  }

  @Test func tinyProbabilitiesSurvive() {
    let found = NumberDistribution(values: [1, 2], logProbabilities: [-2000, -2000 + log(3)])
    #expect(differ(found.probabilities, [0.25, 0.75]) < 1e-12)
    #expect(found.coverage == 0)
  }

  @Test func intervalsHoldWhatTheySay() {
    var random = CounterGenerator(1)
    for _ in 0..<50 {
      let weights = (0..<30).map { _ in Double(random.next(below: 1000) + 1) }
      let sum = weights.reduce(0, +)
      let found = NumberDistribution(values: (0..<30).map(Double.init), probabilities: weights.map { $0 / sum })
      for share in [0.1, 0.5, 0.9, 1] {
        let interval = found.interval(share)
        let mass = zip(found.values, found.probabilities).filter { interval.contains($0.0) }.map(\.1).reduce(0, +)
        #expect(mass >= share - 1e-9)
      }
    }
    #expect(NumberDistribution(values: [4], probabilities: [1]).interval(0.9) == 4...4)
  }

  /// The decision beats every other candidate under its cost, whatever the cost.
  @Test func bayesDecisionsEqualBruteForce() {
    @Sendable func aroundTheClock(_ truth: Double, _ choice: Double) -> Double {
      [-12.0, 0, 12].map { abs(choice - truth + $0) }.min() ?? .nan
    }
    @Sendable func lopsided(_ truth: Double, _ choice: Double) -> Double {
      choice > truth ? 3 * (choice - truth) : truth - choice
    }
    @Sendable func discrete(_ truth: Double, _ choice: Double) -> Double { truth == choice ? 0 : 1 }
    let costs: [(NumberCost, (Double, Double) -> Double)] = [
      (.squared, { pow($0 - $1, 2) }), (.absolute, { abs($0 - $1) }), (.distance(discrete), discrete),
      (.distance(aroundTheClock), aroundTheClock), (.distance(lopsided), lopsided),
    ]
    var random = CounterGenerator(2)
    for _ in 0..<40 {
      let values = (0..<12).map(Double.init), weights = values.map { _ in pow(Double(random.next(below: 100) + 1), 2) }
      let found = NumberDistribution(values: values, probabilities: weights)
      let other = [6.125, -3, 2.75, 11, 2.5]
      for (cost, formula) in costs {
        for candidates in [nil, other] {
          func expected(_ choice: Double) -> Double {
            zip(values, weights).map { formula($0, choice) * $1 }.reduce(0, +)
          }
          let choice = found.leastExpected(cost, among: candidates)
          let least = (candidates ?? values).map(expected).min() ?? .nan
          #expect(expected(choice) <= least * (1 + 1e-12))
        }
      }
      #expect(found.leastExpected(.absolute) == found.median)
      #expect(found.leastExpected(.distance(discrete)) == found.mode)
    }
  }

  @Test func bayesDecisionByTable() {
    #expect(leastExpectedDistance([0.4, 0.1, 0.5], distances: [[0, 1, 4], [1, 0, 1], [4, 1, 0]]) == 1)
    #expect(leastExpectedDistance([0.4, 0.1, 0.5], distances: [[0, 1, 1], [1, 0, 1], [1, 1, 0]]) == 2)
    #expect(leastExpectedDistance([1, 1], distances: [[0, 3], [3, 0]]) == 0)
    #expect(leastExpectedDistance([0.6, 0.4], distances: [[0, 1], [2, 0]]) == 1, "saying 0 where 1 is true costs 2")
  }
}
