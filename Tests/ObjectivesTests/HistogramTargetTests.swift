// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// HL-Gauss's targets and their loss in float64 against `matches.json`, written by `Tests/Fixtures/sequences/make.py`.
@Suite struct HistogramTargetTests {
  private struct File: Decodable {
    struct Histogram: Decodable {
      var edges, values: [Double]
      var target, distance_target: [[Double]]
      var sigma, largest_gap: Double
    }
    var histogram: Histogram
  }

  private static let example = SequenceFixtures.read("matches", as: File.self).histogram
  private static let values = (0...20).map(Double.init)

  private func largestGap(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map { abs($0 - $1) }.max() ?? .infinity }

  @Test func binsHoldTheMassBetweenTheirEdges() {
    let example = Self.example, target = HistogramTarget(values: Self.values)
    #expect(largestGap(target.edges, example.edges) < 1e-12 && target.width == 1)
    var gap = 0.0
    for (index, y) in example.values.enumerated() {
      let p = target.probabilities(around: y, deviation: example.sigma)
      #expect(largestGap(p, example.target[index]) < 1e-9)
      #expect(abs(p.reduce(0, +) - 1) < 1e-12)
      gap = max(gap, largestGap(p, example.distance_target[index]))
    }
    // How far it is from the squared distance's target with τ = 2σ².
    #expect(abs(gap - example.largest_gap) < 1e-9)
  }

  /// With narrow bins it is the paper's target with the squared distance and τ = 2σ².
  @Test func narrowBinsAreASquaredDistance() throws {
    let values = (0...400).map { Double($0) / 20 }, sigma = 0.75
    let space = try TokenSpace(name: "bins", ids: values.indices.map(Int32.init), values: values)
    let resolved = try TargetDistribution(.squared, temperature: .value(2 * sigma * sigma)).resolved(over: space)
    let p = HistogramTarget(values: values).probabilities(around: values[170], deviation: sigma)
    #expect(largestGap(p, resolved.probabilities(around: 170)) < 1e-5)
  }

  @Test func candidatesOfOneValueShareItsBin() {
    let shared = HistogramTarget(values: [2, 0, 1, 1]), alone = HistogramTarget(values: [0, 1, 2])
    let p = shared.probabilities(around: 0.8, deviation: 0.5), q = alone.probabilities(around: 0.8, deviation: 0.5)
    #expect(largestGap(p, [q[2], q[0], q[1] / 2, q[1] / 2]) < 1e-15)
    #expect(alone.probabilities(around: 1e9, deviation: 0.5) == [0, 0, 1])
    #expect(alone.probabilities(around: -1e9, deviation: 0.5) == [1, 0, 0])
  }

  /// A number between bins, a width of the record's own, several raters; records without the field are refused.
  @Test func recordsSayWhatTheTargetIsAround() throws {
    func example(_ measures: [String: [Double]]) -> EncodedExample {
      EncodedExample(
        ids: [30, 7], supervised: [false, true],
        metrics: [MetricPosition(position: 1, candidate: 7, number: 0)], measures: measures, source: "line 1")
    }
    func given(_ scale: ValueScale, _ measures: [String: [Double]] = [:]) throws -> [Double] {
      let rule = try #require(HistogramRule(values: Self.values, scale: scale, crossEntropy: .replaced))
      let taught = try ValueTeacher([nil], histograms: [rule], seed: 0).taught(example(measures), epoch: 0, index: 0)
      let found = try #require(taught.metrics.first?.given)
      #expect(found.replacesLabel && found.end == nil && taught.ids == [30, 7])
      return found.probabilities
    }
    let target = HistogramTarget(values: Self.values)
    #expect(try given(.width(0.75)) == target.probabilities(around: 7, deviation: 0.75))
    #expect(try given(.field("sd"), ["sd": [2]]) == target.probabilities(around: 7, deviation: 2))
    #expect(try given(.raters("y", width: 0.75), ["y": [3.2]]) == target.probabilities(around: 3.2, deviation: 0.75))
    let both = [3.2, 5].map { target.probabilities(around: $0, deviation: 0.75) }
    #expect(
      try largestGap(given(.raters("y", width: 0.75), ["y": [3.2, 5]]), zip(both[0], both[1]).map { ($0 + $1) / 2 })
        < 1e-15)
    #expect(throws: ValueTargetError.self) { try given(.raters("y", width: 1)) }
    #expect(throws: ValueTargetError.self) { try given(.field("sd"), ["sd": [0]]) }
    #expect(HistogramRule(values: Self.values, scale: .box(0.1), crossEntropy: .kept) == nil)
  }

  /// The loss is the cross entropy of the bins but for the target's own entropy, in value; in gradient p_θ − p.
  @Test func theLossIsItsCrossEntropy() throws {
    let example = Self.example, count = Self.values.count
    let space = try TokenSpace(name: "bins", ids: (0..<Int32(count)).map { $0 + 3 }, values: Self.values)
    let objective = Objective.crossEntropy + 1 * (try DistanceLoss(space, target: .oneHot, softmax: .vocabulary))
    let supervision = Supervision(
      logitRows: example.values.indices.map(Int32.init), labels: example.values.map { _ in Supervision.unlabelled },
      metrics: example.target.enumerated().map { row, p in
        MetricTarget(logitRow: row, candidate: 0, given: GivenTarget(probabilities: p, replacesLabel: true))
      })
    let logits = Samples.logits(example.values.count, count + 5, seed: 11).requiresGrad(true)
    let loss = objective(
      logits: logits, supervision: supervision, denominators: objective.denominators(of: [supervision]))
    let p = Tensor(example.target.flatMap { $0 }, shape: [example.target.count, count])
    let logs = logits.logSoftmax(1).narrow(1, 3, count)
    let entropy = example.target.joined().reduce(0) { $0 - ($1 > 0 ? $1 * Tensor([$1]).log().item() : 0) }
    let expected = (-(p * logs).sum() - entropy) / Double(example.values.count)
    #expect(abs(loss.total.item() - expected.item()) < 1e-9)
    let found = gradients(of: [loss.total], withRespectTo: [logits])[0]
    let own = gradients(of: [expected], withRespectTo: [logits])[0]
    #expect(difference(try #require(found), try #require(own)) < 1e-9)
  }
}
