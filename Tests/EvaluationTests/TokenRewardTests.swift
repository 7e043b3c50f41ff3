// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Testing
import Torch

/// Rewards of single tokens against `Tests/Fixtures/sequences/tokens.json` (float64, torch).
@Suite struct TokenRewardTests {
  struct Fixture: Decodable {
    struct Model: Decodable { var hidden, head: [[Double]] }
    struct RTO: Decodable {
      var beta1, beta2, clip: Double
      var terminal, values: [Double]
    }
    struct RED: Decodable {
      var prefix_scores: [[Double]]
      var values: [Double]
    }
    struct Implicit: Decodable {
      var beta: Double
      var values: [Double]
      var cumulative: [[Double]]
    }
    struct Rewards: Decodable {
      var rto: RTO
      var red: RED
      var implicit_prm: Implicit
    }
    var hidden, head: [[Double]]
    var labels: [Int]
    var documents: [[Int]]
    var reference, dpo: Model
    var token_rewards: Rewards
  }

  private let fixture: Fixture = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try! Data(contentsOf: folder.appending(path: "Fixtures/sequences/tokens.json"))
    return try! JSONDecoder().decode(Fixture.self, from: data)
  }()

  /// log π of the labels.
  private func logs(_ hidden: [[Double]], _ head: [[Double]]) -> [Double] {
    func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }
    let all = tensor(hidden).matmul(tensor(head).transpose(0, 1)).logSoftmax(-1).array(of: Double.self)
    return fixture.labels.enumerated().map { all[$0 * head.count + $1] }
  }

  private func near(_ found: [Double], _ expected: some Sequence<Double>) -> Bool {
    let expected = Array(expected)
    return found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }
  }

  @Test func implicitAndRTO() {
    let policy = logs(fixture.hidden, fixture.head)
    let reference = logs(fixture.reference.hidden, fixture.reference.head)
    let dpo = logs(fixture.dpo.hidden, fixture.dpo.head), wanted = fixture.token_rewards
    for (index, place) in fixture.documents.enumerated() {
      let own = place[0]..<place[1]
      let implicit = TokenRewards.implicit(
        Array(policy[own]), Array(reference[own]), beta: wanted.implicit_prm.beta)
      #expect(near(implicit, wanted.implicit_prm.values[own]))
      #expect(near(TokenRewards.cumulative(implicit), wanted.implicit_prm.cumulative[index]))
      let rto = TokenRewards.rto(
        dpo: Array(dpo[own]), policy: Array(policy[own]), reference: Array(reference[own]),
        terminal: wanted.rto.terminal[index], beta: wanted.rto.beta1, penalty: wanted.rto.beta2, clip: wanted.rto.clip)
      #expect(near(rto, wanted.rto.values[own]))
    }
  }

  @Test func redistributedRewardsSumToTheWhole() {
    let red = fixture.token_rewards.red
    let found = red.prefix_scores.map(TokenRewards.redistributed)
    #expect(near(found.flatMap { $0 }, red.values))
    for (rewards, scores) in zip(found, red.prefix_scores) {
      #expect(abs(rewards.reduce(0, +) - (scores[scores.count - 1] - scores[0])) < 1e-12)
    }
  }
}
