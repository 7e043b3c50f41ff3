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
    var measure: String
    var reweigh: Bool
    var weighted: Bool
    var labels: [Int32]
    var distances: [[Double]]?
    var order: [Int32]
    var value: Double
    var gradient: [Double]
    var description: String { "\(space) \(measure) reweigh=\(reweigh) weighted=\(weighted) \(distances != nil)" }
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
    let match = try MetricMatch(
      space, target: target, softmax: example.reweigh ? .vocabulary : .subset,
      measure: example.measure == "squaredMean" ? .squaredMean : .expectedDistance,
      place: example.weighted ? .powerOfTen : .none)
    let objective = Objective.crossEntropy + 1 * match, ce = Objective.crossEntropy
    let supervision = Supervision(
      queries: example.labels.indices.map(Int32.init), labels: example.labels,
      metrics: example.labels.enumerated().compactMap { query, label in
        space.candidate(of: label).map {
          MetricTarget(
            query: query, candidate: $0, place: PlaceValue(rankInNumber: 1, rankInRun: 1, exponent: -(query % 3)))
        }
      })
    let x = Fixtures.sequence([Self.file.N, Self.file.V], seed: 1, scale: 8).requiresGrad(true)
    let loss = Samples.loss(objective, x, supervision)
    #expect(abs(loss.summands[1].value.item() - example.value) < 1e-12)
    let own = loss.total - Samples.loss(ce, x, supervision).total
    let gradient = gradients(of: [own], withRespectTo: [x])[0]!
    #expect(largestDifference(gradient.array(), example.gradient) < 1e-12)
    #expect(
      checkGradients(of: { Samples.loss(objective, $0[0], supervision).total }, at: [x], tolerance: 1e-6) == [])
  }

  /// As presets: whatever the run's distance, τ, weights and neighbours are.
  @Test func presetsReadValuesAlone() throws {
    func only(_ preset: Preset) throws -> MetricMatch { try Objective(preset, matches: [Samples.match]).terms[0].match }
    let wasserstein = try only(.ntlWasserstein), mse = try only(.ntlMSE)
    #expect(wasserstein.measure == .expectedDistance && mse.measure == .squaredMean)
    #expect(wasserstein.target.distance.name == AbsoluteDistance().name)
    for match in [wasserstein, mse] { #expect(match.place == .none && match.contrast == .none) }
    #expect(try Objective(.ntlMSE, matches: [Samples.match]).names == ["ce", "dist.squaredMean"])
    #expect(try Objective(.ntlWasserstein, matches: [Samples.match]).names == ["ce", "dist.expectedDistance"])
    let labels = try MetricMatch(
      TokenSpace(name: "labels", ids: [1, 2, 3]), target: TargetDistribution(.discrete, temperature: 1))
    #expect(throws: ObjectiveError.self) { try Objective(.ntlWasserstein, matches: [labels]) }
    #expect(throws: ObjectiveError.self) { try Objective(.ntlMSE, matches: [labels]) }
    #expect(throws: ObjectiveError.self) { try Samples.match.with(measure: .squaredMean) }
    let large = try TokenSpace.all(ResolvedTarget.largestTable + 1)
    #expect(throws: ObjectiveError.self) {
      try MetricMatch(large, target: TargetDistribution(.discrete, temperature: 1), measure: .expectedDistance)
    }
  }

  /// With the discrete distance it is the probability of a wrong token: a bounded loss, unlike the divergence.
  @Test func expectedDiscreteDistanceIsTheErrorRate() throws {
    let match = try MetricMatch(
      Samples.digits, target: TargetDistribution(.discrete, temperature: 1), measure: .expectedDistance)
    let supervision = Samples.supervision(9, v: 20), x = Samples.logits(9, 20)
    let value = Samples.loss(.crossEntropy + 1 * match, x, supervision).summands[1].value.item()
    let wrong = supervision.metrics.map { target in
      1
        - x.select(0, target.query).indexSelect(0, Tensor(Samples.digits.ids.map(Int64.init))).softmax(0)
        .select(0, target.candidate).item()
    }
    #expect(abs(value - wrong.reduce(0, +) / Double(wrong.count)) < 1e-14)
  }
}
