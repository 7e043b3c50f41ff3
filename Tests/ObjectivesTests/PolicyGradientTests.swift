// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import Torch

/// The policy gradient is the closed form plus noise (section 2.3).
@Suite struct PolicyGradientTests {
  static let measures: [(samples: Int, baseline: Divergence.Baseline)] = [(1, .none), (4, .none), (4, .leaveOneOut)]

  /// 40,000 positions that differ in their streams alone: means of values and gradients against the divergence in
  /// reverse direction, entry by entry, in standard errors.
  @Test(arguments: measures.indices, DistanceLoss.Softmax.allCases)
  func meansEqualTheClosedForm(which: Int, softmax: DistanceLoss.Softmax) throws {
    let (samples, baseline) = Self.measures[which], count = 40_000
    let row = Samples.logits(1, 14, seed: 3, scale: 1.5)
    func distanceLoss(_ divergence: Divergence) throws -> DistanceLoss {
      try DistanceLoss(
        TokenSpace(name: "grades", ids: [1, 4, 5, 9, 12], values: [0, 1, 2, 3, 4]),
        target: TargetDistribution(.squared, temperature: 2), softmax: softmax, divergence: divergence,
        direction: .reverse)
    }
    func run(_ distanceLoss: DistanceLoss, rows: Int) -> (value: Double, gradient: Tensor) {
      let x = row.expand([rows, 14]).contiguous().requiresGrad(true)
      let supervision = Supervision(
        logitRows: (0..<Int32(rows)).map { $0 }, labels: [Int32](repeating: 4, count: rows),
        metrics: (0..<rows).map { MetricTarget(logitRow: $0, candidate: 1, stream: UInt64($0)) })
      let objective = Objective(reduction: .literalSums) + 1 * distanceLoss
      let loss = Samples.loss(objective, x, supervision)
      let own = loss.total - Samples.loss(Objective(reduction: .literalSums), x, supervision).total
      return (loss.lossTerms[1].value.item() / Double(rows), gradients(of: [own], withRespectTo: [x])[0]!)
    }
    let exact = run(try distanceLoss(.kullbackLeibler), rows: 1)
    let sampled = run(try distanceLoss(.policyGradient(samples: samples, baseline: baseline)), rows: count)
    let mean = sampled.gradient.mean(0)
    let deviation = (sampled.gradient - mean).square().mean(0).sqrt() / Double(count).squareRoot()
    let errors = (mean - exact.gradient.select(0, 0)).abs()
    // 4.5 standard errors for each of 14 entries; entries without noise (outside the candidates) are exact.
    #expect((errors .<= (deviation * 4.5 + 1e-12)).all().intItem() == 1, "\(errors.array(of: Double.self))")
    #expect(abs(sampled.value - exact.value) < 0.05)
    #expect(exact.gradient.norm().item() > 0.1)
  }

  /// What the noise is: the gradient's standard deviation beside its size, falling with samples and with a baseline.
  @Test func noiseFallsWithSamplesAndBaseline() throws {
    let count = 20_000, row = Samples.logits(1, 20, seed: 3, scale: 1.5)
    let target = TargetDistribution(.squared, temperature: 2)
    func noise(_ divergence: Divergence) throws -> Double {
      let distanceLoss = try DistanceLoss(Samples.digits, target: target, divergence: divergence, direction: .reverse)
      let x = row.expand([count, 20]).contiguous().requiresGrad(true)
      let supervision = Supervision(
        logitRows: (0..<Int32(count)).map { $0 }, labels: [Int32](repeating: 9, count: count),
        metrics: (0..<count).map { MetricTarget(logitRow: $0, candidate: 4, stream: UInt64($0)) })
      let objective = Objective(reduction: .literalSums) + 1 * distanceLoss
      let own =
        Samples.loss(objective, x, supervision).total
        - Samples.loss(Objective(reduction: .literalSums), x, supervision).total
      let gradient = gradients(of: [own], withRespectTo: [x])[0]!
      let mean = gradient.mean(0)
      return ((gradient - mean).square().sum(1).mean().sqrt() / mean.norm()).item()
    }
    let one = try noise(.policyGradient()), four = try noise(.policyGradient(samples: 4))
    let centred = try noise(.policyGradient(samples: 4, baseline: .leaveOneOut))
    print("policy gradient, ‖noise‖/‖gradient‖: K = 1 \(one), K = 4 \(four), with baseline \(centred)")
    #expect(try noise(.kullbackLeibler) < 1e-9)
    #expect(one > 1)  // more noise than signal
    #expect(abs(one / four - 2) < 0.1)  // 1/√K
    #expect(centred < 0.95 * four)
  }

  /// The same stream draws the same tokens, whatever is beside it; another stream draws others.
  @Test func samplesDependOnTheirStreamAlone() throws {
    let distanceLoss = try DistanceLoss(
      Samples.digits, target: TargetDistribution(.squared, temperature: 2), divergence: .policyGradient(samples: 2))
    let objective = Objective(reduction: .literalSums) + 1 * distanceLoss
    let x = Samples.logits(1, 20)
    func value(_ streams: [UInt64]) -> Double {
      let supervision = Supervision(
        logitRows: streams.indices.map(Int32.init), labels: streams.map { _ in 9 },
        metrics: streams.enumerated().map { MetricTarget(logitRow: $0, candidate: 4, stream: $1) })
      return Samples.loss(objective, x.expand([streams.count, 20]), supervision).lossTerms[1].value.item()
    }
    let alone = (0..<20).map { value([$0]) }
    #expect(alone == (0..<20).map { value([$0]) })
    #expect(Set(alone).count > 5)
    #expect(abs(value([7, 3, 12]) - alone[7] - alone[3] - alone[12]) < 1e-12)
  }

  @Test func whatCannotBeIsRefused() throws {
    let target = TargetDistribution(.squared, temperature: 2)
    #expect(throws: ObjectiveError.self) {
      try DistanceLoss(Samples.digits, target: target, divergence: .policyGradient(samples: 1, baseline: .leaveOneOut))
    }
    #expect(throws: ObjectiveError.self) {
      try DistanceLoss(Samples.digits, target: target, divergence: .policyGradient(samples: 0))
    }
    #expect(throws: ObjectiveError.self) {
      try DistanceLoss(Samples.digits, target: .oneHot, divergence: .policyGradient())
    }
    let preset = try Objective(.policyGradient, distanceLosses: [Samples.distanceLoss])
    #expect(preset.names == ["ce", "dist.policyGradient"])
    #expect(preset.terms[0].distanceLoss.divergence == .policyGradient(samples: 1))
    #expect(preset.needsContrastivePass)
    #expect(
      try Objective(.distReverse, distanceLosses: [Samples.distanceLoss]).terms[0].distanceLoss.direction == .reverse)
  }
}
