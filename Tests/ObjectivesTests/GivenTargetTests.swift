// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import Torch

/// The loss of targets that are given, against sums over plain arrays: KL(p ‖ q), gradient weight · (q − p).
@Suite struct GivenTargetTests {
  static let vocabulary = 17

  struct Position: Sendable {
    var given: GivenTarget
    /// Ids and probabilities, the ending token's among them.
    var p: [Int: Double]
  }

  static let positions: [Position] = {
    func position(_ p: [Double], end: Int32?, _ endProbability: Double, replaces: Bool) -> Position {
      var all = Dictionary(uniqueKeysWithValues: p.enumerated().map { ($0 + 2, $1) })
      if let end { all[Int(end), default: 0] += endProbability }
      return Position(
        given: GivenTarget(
          probabilities: p, end: end, endProbability: endProbability, replacesLabel: replaces), p: all)
    }
    var thirds = [Double](repeating: 0, count: 12)
    (thirds[1], thirds[4]) = (0.25, 0.5)
    var point = [Double](repeating: 0.05, count: 12)
    point[10] = 0.25
    return [
      position(thirds, end: 15, 0.25, replaces: true), position(thirds.map { $0 / 0.75 }, end: nil, 0, replaces: true),
      // The point ends this number, and is its decimal point as well.
      position(point, end: 12, 0.2, replaces: false), position(thirds, end: 16, 0.25, replaces: false),
    ]
  }()

  @Test(arguments: [DistanceLoss.Softmax.subset, .vocabulary], [false, true])
  func equalsPlainSums(_ softmax: DistanceLoss.Softmax, fused: Bool) throws {
    let space = try TokenSpace(name: "y", unit: .character, ids: Array(2..<14))
    let distanceLoss = try DistanceLoss(space, target: .oneHot, softmax: softmax)
    let objective = Objective.crossEntropy + 0.7 * distanceLoss
    var supervision = Supervision()
    for (index, position) in Self.positions.enumerated() {
      supervision.logitRows.append(Int32(index))
      supervision.labels.append(position.given.replacesLabel ? Supervision.unlabelled : 3)
      supervision.metrics.append(MetricTarget(logitRow: index, candidate: 0, given: position.given))
    }
    let values = (0..<4 * Self.vocabulary).map { sin(Double($0) * 1.7) * 2 }
    let logits = Tensor(values, shape: [4, Self.vocabulary]).to(fused ? .float32 : .float64).requiresGrad(true)
    let loss = objective(
      logits: logits, supervision: supervision, denominators: objective.denominators(of: [supervision]))
    loss.total.backward()
    let gradient = try #require(logits.grad).array(of: Double.self)

    var total = 0.0, expected = [Double](repeating: 0, count: values.count)
    for (row, position) in Self.positions.enumerated() {
      let row = row * Self.vocabulary, z = Array(values[row..<row + Self.vocabulary])
      func probabilities(over ids: [Int]) -> [Int: Double] {
        let sum = ids.reduce(0) { $0 + exp(z[$1]) }
        return Dictionary(uniqueKeysWithValues: ids.map { ($0, exp(z[$0]) / sum) })
      }
      let all = probabilities(over: Array(0..<Self.vocabulary))
      let q = softmax == .vocabulary ? all : probabilities(over: Array(position.p.keys))
      for (id, p) in position.p where p > 0 { total += 0.7 / 4 * p * log(p / (q[id] ?? 0)) }
      for (id, q) in q { expected[row + id] += 0.7 / 4 * (q - (position.p[id] ?? 0)) }
      if !position.given.replacesLabel {
        // Of all four tokens, also those whose cross entropy a target replaces.
        total -= log(all[3] ?? 0) / 4
        for (id, q) in all { expected[row + id] += (q - (id == 3 ? 1 : 0)) / 4 }
      }
    }
    let tolerance = fused ? 2e-6 : 1e-12
    #expect(abs(loss.total.item() - total) < tolerance * 4)
    for (found, expected) in zip(gradient, expected) { #expect(abs(found - expected) < tolerance) }
  }
}
