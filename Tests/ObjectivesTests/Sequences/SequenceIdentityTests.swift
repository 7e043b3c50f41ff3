// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// What objectives over whole responses are known to be of each other.
@Suite struct SequenceIdentityTests {
  /// Three pairs, of responses of one token, by log-ratio.
  private let ratios = [[0.4], [-1.1], [2.0], [0.3], [-0.2], [-0.7]]

  private func batch(_ worth: Worth, size: Int = 2, ratios: [[Double]]? = nil, anchor: Double? = nil) -> SequenceBatch {
    let ratios = ratios ?? self.ratios
    return SequenceBatch(
      ratios, reference: ratios.map { _ in [0] },
      groups: stride(from: 0, to: ratios.count, by: size).map { (Array($0..<$0 + size), worth) }, anchor: anchor)
  }

  private func expectEqual(
    _ a: (SequenceObjective, SequenceBatch), _ b: (SequenceObjective, SequenceBatch), factor: Double = 1,
    constant: Double? = 0
  ) {
    let left = a.1(a.0), right = b.1(b.0)
    if let constant {
      #expect(abs(left.loss.total.item() - factor * right.loss.total.item() - constant) < 1e-12)
    }
    let scaled = right.gradient.map { $0.map { factor * $0 } }
    #expect(largestDifference(left.gradient.flatMap { $0 }, scaled.flatMap { $0 }) < 1e-12)
  }

  @Test func twoScoredResponsesAtTemperature0AreDPO() throws {
    let cold = SequenceParameters(temperature: 0)
    expectEqual(
      (try SequenceObjective(.infoNCA, cold), batch(.scores([3, 1]))), (try SequenceObjective(.dpo), batch(.preference))
    )
    expectEqual(
      (try SequenceObjective(.plackettLuce), batch(.scores([3, 1]))),
      (try SequenceObjective(.dpo), batch(.preference)))
    expectEqual(
      (try SequenceObjective(.raml, cold), batch(.scores([3, 1]))), (try SequenceObjective(.raft), batch(.preference)))
  }

  @Test func softAndSmoothedTargetsAreTheSame() throws {
    expectEqual(
      (try SequenceObjective(.softDPO), batch(.preference(probability: 0.8))),
      (try SequenceObjective(.cdpo, SequenceParameters(smoothing: 0.2)), batch(.preference)))
    // softmax(R/τ) of two scores is a preference of probability σ((R₁ − R₂)/τ).
    let probability = 1 / (1 + exp(-(1.5 - 0.2) / 0.7))
    expectEqual(
      (try SequenceObjective(.infoNCA, SequenceParameters(temperature: 0.7)), batch(.scores([1.5, 0.2]))),
      (try SequenceObjective(.softDPO), batch(.preference(probability: probability))))
    // Bradley-Terry's own reading of scores: the target with τ = 1.
    expectEqual(
      (try SequenceObjective(.robustDPO, SequenceParameters(smoothing: 0)), batch(.preference)),
      (try SequenceObjective(.dpo), batch(.preference)))
  }

  @Test func CoPGOfTwoResponsesIsIPO() throws {
    let sum = SequenceParameters(length: .sum)
    expectEqual(
      (try SequenceObjective(.copg), batch(.scores([0.25, -0.25]))),
      (try SequenceObjective(.ipo, sum), batch(.preference)), factor: 0.05)
    // IPO is at rest where Δ = 1/(2β).
    let rest = batch(.preference, ratios: [[5.5], [0.5]])(try SequenceObjective(.ipo, sum))
    #expect(rest.loss.total.item() < 1e-20)
  }

  /// Its gradient is the leave-one-out policy gradient of R − βm.
  @Test func CoPGIsAPolicyGradient() throws {
    let scores = [0.7, -0.4, 1.3], ratios = [[0.2], [1.5], [-0.6]], beta = 0.1
    let found = batch(.scores(scores), size: 3, ratios: ratios)(try SequenceObjective(.copg))
    let regularised = zip(scores, ratios).map { $0 - beta * $1[0] }, sum = regularised.reduce(0, +)
    let expected = regularised.map { -($0 - (sum - $0) / 2) }
    #expect(largestDifference(found.gradient.flatMap { $0 }, expected) < 1e-12)
  }

  @Test func NCAIsAtRestAtItsOptimum() throws {
    let scores = [0.5, -1, 2], powers = scores.map { exp($0) }, sum = powers.reduce(0, +), beta = 0.1
    let ratios = powers.map { [log(3 * $0 / sum) / beta] }
    let found = batch(.scores(scores), size: 3, ratios: ratios)(try SequenceObjective(.nca))
    #expect(largestDifference(found.gradient.flatMap { $0 }, [0, 0, 0]) < 1e-15)
    #expect(abs(ratios.reduce(0) { $0 + exp(beta * $1[0]) } / 3 - 1) < 1e-12)
  }

  /// −log σ(x_w − δ) − log σ(δ − x_l) ≥ −log σ(x_w − x_l) for every δ.
  @Test(arguments: [-1.0, 0, 0.4]) func singleResponsesBoundPairs(shift: Double) throws {
    let bco = try SequenceObjective(.bco), dpo = try SequenceObjective(.dpo)
    for pair in stride(from: 0, to: 6, by: 2) {
      let rows = Array(ratios[pair..<pair + 2])
      let single = SequenceBatch(
        rows, reference: [[0], [0]], groups: [([0], .label(true)), ([1], .label(false))], anchor: shift)(bco)
      let both = batch(.preference, ratios: rows)(dpo)
      #expect(2 * single.loss.total.item() >= both.loss.total.item())
    }
  }

  @Test func firstLossIsThatOfEqualModels() throws {
    let same = SequenceBatch(
      [[-1, -2], [-0.5]], reference: [[-1, -2], [-0.5]], groups: [([0, 1], .preference)])
    for preset in [SequencePreset.dpo, .cdpo, .robustDPO] {
      #expect(abs(same(try SequenceObjective(preset)).loss.total.item() - log(2)) < 1e-12)
    }
  }

  /// Groups in two batches with the denominators of both add up to the groups in one, of several sizes.
  @Test func partsAddUpToTheStep() throws {
    var objective = try SequenceObjective(.infoNCA)
    objective.crossEntropy = 0.3
    let rows = (0..<5).map { index in (0...index).map { -0.3 * Double($0 + index) - 0.1 } }
    let reference = rows.map { $0.map { $0 * 0.9 } }
    let groups: [(documents: [Int], worth: Worth)] = [([0, 1, 2], .scores([1, 0, 3])), ([3, 4], .scores([0, 0]))]
    let whole = SequenceBatch(rows, reference: reference, groups: groups)(objective)
    let parts = groups.map { group in
      SequenceBatch(
        group.documents.map { rows[$0] }, reference: group.documents.map { reference[$0] },
        groups: [(Array(group.documents.indices), group.worth)])
    }
    let denominators = objective.denominators(of: parts.map(\.supervision))
    let losses = parts.map { objective($0.values, supervision: $0.supervision, denominators: denominators) }
    #expect(abs(losses.reduce(0) { $0 + $1.total.item() } - whole.loss.total.item()) < 1e-12)
    for (index, measurement) in whole.loss.measurements.enumerated() {
      let sum = losses.reduce(0) { $0 + $1.measurements[index].sum.item() }
      #expect(abs(sum - measurement.sum.item()) < 1e-12)
      #expect(losses.reduce(0) { $0 + $1.measurements[index].count } == measurement.count)
    }
    // Two equal scores say nothing of an order.
    #expect(whole.loss.measurements.last?.count == 1)
  }

  @Test func combinationsThatCannotBeAreRefused() throws {
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.exo, SequenceParameters(smoothing: 0)) }
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.robustDPO, SequenceParameters(smoothing: 0.5)) }
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.dpo, SequenceParameters(beta: 0)) }
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.orpo, SequenceParameters(length: .sum)) }
    #expect(throws: ObjectiveError.self) { try SequenceObjective(.kto, SequenceParameters(crossEntropy: 1)) }
    for (preset, worth, records) in [
      (SequencePreset.kto, Worth.preference, "unpaired"), (.dpo, .label(true), "preference"),
      (.infoNCA, .preference, "group"), (.ipo, .scores([1, 2, 3]), "preference"),
      (.softDPO, .scores([1, 2]), "preference"),
    ] {
      let error = #expect(throws: ObjectiveError.self) { try SequenceObjective(preset).check(worth) }
      #expect(error?.remedy == "Set data.records: \(records).")
    }
    for preset in SequencePreset.allCases { #expect(try SequenceObjective(preset).name == preset.rawValue) }
  }

  /// A bandit of three arms: what is learnt is π_ref·e^{R/β}/Z, by three ways to it.
  @Test(arguments: [SequencePreset.infoNCA, .copg, .softDPO]) func banditsReachTheClosedForm(preset: SequencePreset)
    throws
  {
    let rewards = [2.5, 2, 1], reference = [0.2, 0.5, 0.3], beta = 0.5
    let powers = zip(rewards, reference).map { $1 * exp($0 / beta) }, sum = powers.reduce(0, +)
    // InfoNCA's strength is βτ.
    let objective = try SequenceObjective(
      preset, preset == .infoNCA ? SequenceParameters(beta: 1, temperature: beta) : SequenceParameters(beta: beta))
    let pairs = [(0, 1), (0, 2), (1, 2)]
    let groups: [(documents: [Int], worth: Worth)] =
      preset == .softDPO
      ? pairs.map { ([$0, $1], .preference(probability: 1 / (1 + exp(rewards[$1] - rewards[$0])))) }
      : [([0, 1, 2], .scores(rewards))]
    let arms = Tensor(groups.flatMap { $0.documents.map(Int64.init) })
    var first = 0
    let supervision = Supervision(
      documents: groups.flatMap(\.documents).indices.map { DocumentTarget(tokens: $0..<$0 + 1) },
      groups: groups.map { group in
        defer { first += group.documents.count }
        return DocumentGroup(documents: first..<first + group.documents.count, worth: group.worth)
      })
    let denominators = objective.denominators(of: [supervision])
    var theta = Tensor.zeros([3], dtype: .float64)
    for _ in 0..<1500 {
      let leaf = theta.requiresGrad(true), logs = leaf.logSoftmax(0).indexSelect(0, arms)
      let values = SequenceValues(
        logProbabilities: logs, reference: Tensor(reference.map { log($0) }).indexSelect(0, arms))
      let loss = objective(values, supervision: supervision, denominators: denominators)
      theta = leaf.detach() - gradients(of: [loss.total], withRespectTo: [leaf])[0]! * (preset == .copg ? 0.3 : 3)
    }
    let found = theta.softmax(0).array(of: Double.self)
    #expect(zip(found, powers).reduce(0) { $0 + abs($1.0 - $1.1 / sum) } / 2 < 1e-2)
  }
}
