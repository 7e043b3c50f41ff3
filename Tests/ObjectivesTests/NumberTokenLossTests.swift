// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// The number token losses equal the package `ntloss` in value and gradient: with and without its reweighing (which is
/// the softmax over the vocabulary here), squashed distances, weights.
@Suite struct NumberTokenLossTests {
  struct Space: Decodable {
    var ids: [Int32]
    var values: [Double]
  }

  struct Case: Decodable, CustomStringConvertible {
    var space: String
    var divergence: String
    var reweigh: Bool
    var weighted: Bool
    var labels: [Int32]
    var distances: [[Double]]?
    var order: [Int32]
    var value: Double
    var gradient: [Double]
    var description: String { "\(space) \(divergence) reweigh=\(reweigh) weighted=\(weighted) \(distances != nil)" }
  }

  struct File: Decodable {
    var V: Int
    var N: Int
    var cases: [Case]
    var spaces: [String: Space]
  }

  /// `number_token_loss.json`, written by `Tests/Fixtures/objectives/number_token_loss.py`.
  static let file: File = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/objectives/number_token_loss.json")
    return try! JSONDecoder().decode(File.self, from: Data(contentsOf: file))
  }()

  @Test(arguments: file.cases) func valuesAndGradientsEqualTheirs(example: Case) throws {
    let given = Self.file.spaces[example.space]!
    let space = try TokenSpace(name: example.space, ids: given.ids, values: given.values)
    let target: TargetDistribution
    if let distances = example.distances {  // in the order of their ids
      let rows = space.ids.map { x in
        space.ids.map { v in distances[example.order.firstIndex(of: x)!][example.order.firstIndex(of: v)!] }
      }
      target = TargetDistribution(try TableDistance(rows), temperature: 1)
    } else {
      target = TargetDistribution(.absolute, temperature: 1)
    }
    let distanceLoss = try DistanceLoss(
      space, target: target, softmax: example.reweigh ? .vocabulary : .subset,
      divergence: example.divergence == "squaredMean" ? .squaredMean : .expectedDistance,
      place: example.weighted ? .powerOfTen : .none)
    let objective = Objective.crossEntropy + 1 * distanceLoss, ce = Objective.crossEntropy
    let supervision = Supervision(
      logitRows: example.labels.indices.map(Int32.init), labels: example.labels,
      metrics: example.labels.enumerated().compactMap { logitRow, label in
        space.candidate(of: label).map {
          MetricTarget(
            logitRow: logitRow, candidate: $0,
            place: PlaceValue(rankInNumber: 1, rankInRun: 1, exponent: -(logitRow % 3)))
        }
      })
    let x = Fixtures.sequence([Self.file.N, Self.file.V], seed: 1, scale: 8).requiresGrad(true)
    let loss = Samples.loss(objective, x, supervision)
    #expect(abs(loss.lossTerms[1].value.item() - example.value) < 1e-12)
    let own = loss.total - Samples.loss(ce, x, supervision).total
    let gradient = gradients(of: [own], withRespectTo: [x])[0]!
    #expect(largestDifference(gradient.array(), example.gradient) < 1e-12)
    #expect(
      checkGradients(of: { Samples.loss(objective, $0[0], supervision).total }, at: [x], tolerance: 1e-6) == [])
  }

  /// As presets: whatever the run's distance, τ, weights and contrastive examples are.
  @Test func presetsReadValuesAlone() throws {
    func only(_ preset: Preset) throws -> DistanceLoss {
      try Objective(preset, distanceLosses: [Samples.distanceLoss]).terms[0].distanceLoss
    }
    let wasserstein = try only(.ntlWasserstein), mse = try only(.ntlMSE)
    #expect(wasserstein.divergence == .expectedDistance)
    #expect(mse.divergence == .squaredMean)
    #expect(wasserstein.target.distance.name == AbsoluteDistance().name)
    for distanceLoss in [wasserstein, mse] { #expect(distanceLoss.place == .none && distanceLoss.contrast == .none) }
    #expect(try Objective(.ntlMSE, distanceLosses: [Samples.distanceLoss]).names == ["ce", "dist.squaredMean"])
    #expect(
      try Objective(.ntlWasserstein, distanceLosses: [Samples.distanceLoss]).names == ["ce", "dist.expectedDistance"])
    let labels = try DistanceLoss(
      TokenSpace(name: "labels", ids: [1, 2, 3]), target: TargetDistribution(.discrete, temperature: 1))
    #expect(throws: ObjectiveError.self) { try Objective(.ntlWasserstein, distanceLosses: [labels]) }
    #expect(throws: ObjectiveError.self) { try Objective(.ntlMSE, distanceLosses: [labels]) }
    #expect(throws: ObjectiveError.self) { try Samples.distanceLoss.with(divergence: .squaredMean) }
    let large = try TokenSpace.all(ResolvedTarget.largestTable + 1)
    #expect(throws: ObjectiveError.self) {
      try DistanceLoss(large, target: TargetDistribution(.discrete, temperature: 1), divergence: .expectedDistance)
    }
  }

  /// With the discrete distance it is the probability of a wrong token: a bounded loss, unlike the divergence.
  @Test func expectedDiscreteDistanceIsTheErrorRate() throws {
    let distanceLoss = try DistanceLoss(
      Samples.digits, target: TargetDistribution(.discrete, temperature: 1), divergence: .expectedDistance)
    let supervision = Samples.supervision(9, v: 20), x = Samples.logits(9, 20)
    let value = Samples.loss(.crossEntropy + 1 * distanceLoss, x, supervision).lossTerms[1].value.item()
    let wrong = supervision.metrics.map { target in
      1
        - x.select(0, target.logitRow).indexSelect(0, Tensor(Samples.digits.ids.map(Int64.init))).softmax(0)
        .select(0, target.candidate).item()
    }
    #expect(abs(value - wrong.reduce(0, +) / Double(wrong.count)) < 1e-14)
  }
}
