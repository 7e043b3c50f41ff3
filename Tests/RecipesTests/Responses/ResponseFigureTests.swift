// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Recipes
import Reports
import Testing

/// Figures of made-up rewards, against their definitions written out plainly.
@Suite struct ResponseFigureTests {
  /// An evaluation of these rewards, as a comparison's folder keeps it.
  private func evaluation(
    _ rows: [(worth: Worth, rewards: [Double], tokens: [Int])]
  ) throws -> ResponseEvaluation {
    struct Judged: Encodable {
      var source = "", worth: [String], rewards, logps: [Double], tokens: [Int]
    }
    struct Kept: Encodable {
      var judged: [Judged], worths: [Worth], hasReference = true
    }
    let judged = rows.map { row in
      Judged(worth: row.rewards.map { _ in "" }, rewards: row.rewards, logps: row.rewards, tokens: row.tokens)
    }
    let json = try JSONEncoder().encode(Kept(judged: judged, worths: rows.map(\.worth)))
    return try JSONDecoder().decode(ResponseEvaluation.self, from: json)
  }

  private func value(_ evaluation: ResponseEvaluation, _ name: String) throws -> Double {
    try #require(evaluation.figures.first { $0.name == name }?.value, "\(name)")
  }

  @Test func pairsAndScores() throws {
    let evaluation = try evaluation([
      (.preference, [1, -1], [5, 3]), (.preference, [0, 2], [4, 4]), (.preference, [1, 1], [2, 6]),
      (.scores([4, 1, 2]), [0, 0, 3], [1, 2, 3]),
    ])
    // 1, 0, a tie, and of 4 > 2, 4 > 1, 2 > 1 the last.
    #expect(abs(try value(evaluation, "rewards/accuracies") - (1 + 0 + 0 + 1.0 / 3) / 4) < 1e-12)
    func share(_ a: Double, _ b: Double) -> Double { 1 / (1 + exp(b - a)) }
    let drawn = (4 + 1 + 2 * exp(3.0)) / (2 + exp(3.0))
    let expected = (share(1, -1) + share(0, 2) + 0.5 + drawn) / 4
    #expect(abs(try value(evaluation, "score/expected") - expected) < 1e-12)
    #expect(abs(try value(evaluation, "score/best") - (1 + 0 + 0.5 + 2) / 4) < 1e-12)
    // Lengths of better and worse: 5 3, 4 4, 2 6, and in the group 1 2, 1 3, 3 2.
    #expect(abs(try value(evaluation, "length/longer_is_better") - (1 + 0.5 + 0 + 0 + 0 + 1) / 6) < 1e-12)
    // Of the five of unequal length the longer has the higher reward in 1, is level in 2, and wins 3 > 1 and 3 > 2.
    #expect(abs(try value(evaluation, "length/longer_wins") - (1 + 0.5 + 0.5 + 1 + 1) / 5) < 1e-12)
    let correlation = Correlation.spearman([2, -2, 0, 0, -3, -3], [2, 0, -4, -1, -2, -1])
    #expect(abs(try value(evaluation, "length/correlation") - correlation) < 1e-12)
    #expect(abs(try value(evaluation, "rewards/margins") - (2 - 2 + 0 - 1.5) / 4) < 1e-12)
    #expect(evaluation.figures.first { $0.name == "rewards/accuracies" }?.interval?.count == 2)
  }

  /// The walk through two sorted lists against all pairs.
  @Test func areaUnderTheCurve() throws {
    var random = CounterGenerator(11, 3)
    let rows = (0..<300).map { index -> (worth: Worth, rewards: [Double], tokens: [Int]) in
      (.label(index % 3 == 0), [Double(random.next(below: 40)) + (index % 3 == 0 ? 5 : 0)], [1 + index % 7])
    }
    let wanted = rows.filter { $0.worth == .label(true) }.map { $0.rewards[0] }
    let unwanted = rows.filter { $0.worth == .label(false) }.map { $0.rewards[0] }
    let above = wanted.reduce(0.0) { sum, value in
      sum + unwanted.reduce(0.0) { $0 + ($1 < value ? 1 : $1 == value ? 0.5 : 0) }
    }
    let evaluation = try evaluation(rows)
    #expect(
      abs(try value(evaluation, "rewards/area_under_curve") - above / Double(wanted.count * unwanted.count)) < 1e-12)
  }
}
