// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Against PyTorch in float64; see `Tests/Fixtures/objectives/ratings.py`.
@Suite struct RatingObjectiveTests {
  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    var loss: RatingObjective.Loss
    var centering: Double?
    var pairs: [[Int]]?
    var margins: [Double]?
    var ratedPositions: [Int]?
    var values: [[Double?]]?
    var hidden, head, hiddenGradient, headGradient: [[Double]]
    var parts: [Double]
    var total: Double

    var testDescription: String { "\(loss), \(head.count) outputs, centring \(centering ?? 0), \(total)" }
    var objective: RatingObjective { RatingObjective(loss, centering: centering) }
    var supervision: Supervision {
      Supervision(
        pooledPositions: hidden.indices.map { Int32($0) },
        ratings: zip(ratedPositions ?? [], values ?? []).map { RatingTarget(pooledPosition: $0, values: $1) },
        comparisons: zip(pairs ?? [], margins ?? []).map {
          ComparisonTarget(chosen: $0[0], rejected: $0[1], margin: $1)
        })
    }
  }

  static let cases: [Case] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/objectives/ratings.json")
    return try! JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
  }()

  private func tensor(_ rows: [[Double]]) -> Tensor {
    Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]).requiresGrad(true)
  }

  /// Largest |a − b| in units of the largest |b|.
  private func relative(_ a: [Double], _ b: [Double]) -> Double {
    largestDifference(a, b) / max(b.map(abs).max() ?? 0, 1e-300)
  }

  @Test(arguments: cases) func valuesAndGradientsEqualPyTorch(example: Case) throws {
    let hidden = tensor(example.hidden), head = tensor(example.head), objective = example.objective
    let denominators = objective.denominators(of: [example.supervision])
    #expect(
      denominators.values
        == [Double(example.pairs?.count ?? example.values?.reduce(0) { $0 + $1.count { $0 != nil } } ?? 0)])
    let loss = objective.loss(
      of: hidden, head: OutputHead(weight: head), supervision: example.supervision, denominators: denominators)
    #expect(loss.lossTerms.map(\.name) == objective.lossTerms.map(\.name))
    #expect(relative(loss.lossTerms.map { $0.value.item() }, example.parts) < 1e-12)
    #expect(relative([loss.total.item()], [example.total]) < 1e-12)
    let found = gradients(of: [loss.total], withRespectTo: [hidden, head])
    #expect(relative(try #require(found[0]).array(), example.hiddenGradient.flatMap { $0 }) < 1e-12)
    #expect(relative(try #require(found[1]).array(), example.headGradient.flatMap { $0 }) < 1e-12)
  }

  /// In float32 nothing overflows or vanishes at |Δ| of 10⁴ either; bfloat16 states are read out in float32.
  @Test func farApartScoresStayFinite() throws {
    for loss in [RatingObjective.Loss.bradleyTerry, .marginBradleyTerry, .scaledBradleyTerry] {
      let scores = Tensor([1e4, -1e4, -1e4, 1e4] as [Float], shape: [4, 1]).requiresGrad(true)
      let supervision = Supervision(
        pooledPositions: [0, 1, 2, 3],
        comparisons: [
          ComparisonTarget(chosen: 0, rejected: 1, margin: 1), ComparisonTarget(chosen: 2, rejected: 3, margin: 1),
        ])
      let objective = RatingObjective(loss)
      let value = objective(
        scores: scores, supervision: supervision, denominators: objective.denominators(of: [supervision]))
      #expect(abs(value.total.item() - 1e4) <= 1)
      let gradient = try #require(gradients(of: [value.total], withRespectTo: [scores])[0]).array(of: Double.self)
      #expect(gradient == [0, 0, -0.5, 0.5])
    }
    let half = Tensor.ones([1, 8], dtype: .bfloat16) * 1.5
    let rated = Supervision(pooledPositions: [0], ratings: [RatingTarget(pooledPosition: 0, values: [1])])
    let weight = Tensor.full([1, 8], 1.0078125, dtype: .bfloat16)  // the sum 12.09375 has no bfloat16
    let value = RatingObjective.regression.loss(
      of: half, head: OutputHead(weight: weight), supervision: rated,
      denominators: RatingObjective.regression.denominators(of: [rated]))
    #expect(value.total.item() == 11.09375 * 11.09375)
    #expect(value.total.dtype == .float32)
  }

  /// A step in parts, one of which has nothing to learn, sums to the whole.
  @Test(arguments: cases) func partsAddUpToTheStep(example: Case) throws {
    let objective = example.objective, whole = example.supervision
    var parts = whole.comparisons.map { Supervision(pooledPositions: whole.pooledPositions, comparisons: [$0]) }
    parts += whole.ratings.map { Supervision(pooledPositions: whole.pooledPositions, ratings: [$0]) }
    parts.append(Supervision(pooledPositions: whole.pooledPositions))
    let denominators = objective.denominators(of: parts)
    #expect(denominators == objective.denominators(of: [whole]))
    #expect(
      denominators == parts.map { objective.denominators(of: [$0]) }.reduce(objective.denominators(of: []), +))
    let hidden = tensor(example.hidden), head = OutputHead(weight: tensor(example.head))
    var total = 0.0, gradient = [Double](repeating: 0, count: example.hidden.joined().count)
    for part in parts {
      let loss = objective.loss(of: hidden, head: head, supervision: part, denominators: denominators)
      total += loss.total.item()
      let own: [Double] = try #require(gradients(of: [loss.total], withRespectTo: [hidden])[0]).array()
      gradient = zip(gradient, own).map(+)
    }
    #expect(relative([total], [example.total]) < 1e-12)
    #expect(relative(gradient, example.hiddenGradient.flatMap { $0 }) < 1e-12)
  }

  @Test func headsThatDoNotFitAreRefused() throws {
    try RatingObjective.bradleyTerry.check(outputs: 1, values: 5)
    try RatingObjective.regression.check(outputs: 5, values: 5)
    #expect(throws: ObjectiveError.self) { try RatingObjective.scaledBradleyTerry.check(outputs: 2) }
    let error = #expect(throws: ObjectiveError.self) { try RatingObjective.regression.check(outputs: 1, values: 5) }
    #expect(error?.problem == "needs a head of 5 outputs, this model's has 1")
  }

  /// Through the protocol, the language objective is what it is by itself.
  @Test func theLanguageObjectiveConforms() {
    let objective: any TrainingObjective = Samples.dist
    #expect(objective.lossTerms.map(\.name) == Samples.dist.names)
    #expect(objective.lossTerms.map(\.weight) == [1] + Samples.dist.terms.map(\.weight))
    let supervision = Supervision(logitRows: [3, 1], labels: [4, 5], contrastLogitRows: [7])
    #expect(objective.rows(of: supervision) == [3, 1, 7])
    #expect(objective.denominators(of: []).values == [0, 0])
  }
}
