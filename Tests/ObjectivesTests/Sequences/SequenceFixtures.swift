// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Torch

/// Files of `Tests/Fixtures/sequences`, written by its `make.py`.
enum SequenceFixtures {
  struct Pairs: Decodable {
    var policy_chosen, policy_rejected: [[Double]]
    var reference_chosen, reference_rejected: [[Double]]?
    var cases: [Case]
  }

  struct Unpaired: Decodable {
    var labels: [Bool]
    var policy, reference: [[Double]]
    var cases: [Case]
  }

  struct Case: Decodable {
    var source: String
    var loss_type: String
    var beta: Double
    var label_smoothing, target, gamma, desirable_weight, undesirable_weight, shift: Double?
    var length: SequenceReward.Length?
    var weights, mismatched_log_ratios: [Double]?
    var loss: Double
    var gradient: [[Double]]
    var metrics: [String: Double]?
  }

  struct Groups: Decodable {
    var log_ratios, log_probabilities, scores: [[Double]]
    var cases: [GroupCase]
  }

  struct GroupCase: Decodable {
    var objective: String
    var beta, temperature: Double?
    var loss: Double
    var gradient: [[Double]]
    var on: String?
  }

  struct Tokens: Decodable {
    struct Model: Decodable { var hidden, head: [[Double]] }
    var hidden, head: [[Double]]
    var labels: [Int32]
    var documents: [[Int]]
    var reference: Model
    var cases: [TokenCase]
  }

  struct TokenCase: Decodable {
    var objective: String
    var beta: Double
    var alpha: Double?
    var reward_mask, kl_mask, l1, weights, token_rewards: [Double]?
    var loss: Double
    var gradient_hidden, gradient_head: [[Double]]
  }

  /// Hidden states and heads of other models at the tokens of ``Tokens``.
  struct Companions: Decodable { var models: [String: Tokens.Model] }

  static func read<T: Decodable>(_ name: String, as type: T.Type = T.self) -> T {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/sequences")
    return try! JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appending(path: name + ".json")))
  }
}

/// Made-up responses of a few tokens each, and what was said of them.
struct SequenceBatch {
  var policy: Tensor
  var values: SequenceValues
  var supervision: Supervision

  /// Documents of these log-probabilities, by group.
  init(
    _ policy: [[Double]], reference: [[Double]]? = nil, groups: [(documents: [Int], worth: Worth)],
    anchor: Double? = nil, dtype: DType = .float64
  ) {
    // Documents of a group follow one another.
    let order = groups.flatMap(\.documents)
    func tensor(_ rows: [[Double]]) -> Tensor { Tensor(order.flatMap { rows[$0] }).to(dtype) }
    self.policy = tensor(policy).requiresGrad(true)
    values = SequenceValues(logProbabilities: self.policy, reference: reference.map(tensor))
    let ends = order.reduce(into: [0]) { $0.append($0.last! + policy[$1].count) }
    var first = 0
    supervision = Supervision(
      documents: zip(ends, ends.dropFirst()).map { DocumentTarget(tokens: $0..<$1) },
      groups: groups.map { group in
        defer { first += group.documents.count }
        return DocumentGroup(documents: first..<first + group.documents.count, worth: group.worth)
      }, anchor: anchor)
    places = ends
    self.order = order
  }

  private let order: [Int]
  private let places: [Int]

  /// The loss, and its gradient by the documents in the order they were given in.
  func callAsFunction(_ objective: SequenceObjective) -> (loss: LossValue, gradient: [[Double]]) {
    let loss = objective(
      values, supervision: supervision, denominators: objective.denominators(of: [supervision]))
    let all = gradients(of: [loss.total], withRespectTo: [policy])[0]!.array(of: Double.self)
    var rows = [[Double]](repeating: [], count: order.count)
    for (index, document) in order.enumerated() { rows[document] = Array(all[places[index]..<places[index + 1]]) }
    return (loss, rows)
  }
}
