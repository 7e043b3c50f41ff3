// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Objectives as values: sums, presets, refusals, contrastive examples, weights.
@Suite struct CompositionTests {
  @Test func objectivesAreSums() throws {
    let second = try Samples.distanceLoss.with(name: "angle")
    let objective = Objective.crossEntropy + 0.1 * Samples.distanceLoss + 0.2 * second + 0.3 * Samples.distanceLoss
    #expect(objective.names == ["ce", "dist", "angle", "dist.2"])
    #expect(objective.terms.map(\.weight) == [0.1, 0.2, 0.3])
    #expect(objective.terms.map(\.metric) == [0, 1, 2])
    #expect(Objective.crossEntropy.names == ["ce"])
  }

  @Test func presetsAreValues() throws {
    func only(_ preset: Preset) throws -> DistanceLoss {
      try Objective(preset, distanceLosses: [Samples.distanceLoss]).terms[0].distanceLoss
    }
    #expect(try Objective(.sft, distanceLosses: [Samples.distanceLoss]).terms.isEmpty)
    #expect(try only(.dist).place == .number && only(.dist).contrast == .twoPass())
    #expect(try only(.vocab).place == .none && only(.vocab).contrast == .none)
    #expect(try only(.vocab).resolved.temperatures == [0])
    #expect(try only(.smooth).place == .number && only(.smooth).contrast == .twoPass())
    #expect(try abs(only(.smooth).resolved.temperatures[0] - 0.2217) < 1e-4)
    #expect(try only(.distWithoutPlace).place == .none && only(.distWithoutPlace).contrast == .twoPass())
    #expect(try only(.distWithoutContrast).place == .number && only(.distWithoutContrast).contrast == .none)
    #expect(try Objective(.smoothVocabulary, distanceLosses: [Samples.distanceLoss]).labelSmoothing == 0.1)
    #expect(
      try Objective(.dist, distanceLosses: [Samples.distanceLoss, Samples.distanceLoss], alpha: 0.02).terms.map(
        \.weight) == [0.02, 0.02])
    #expect(Preset.ablations.count == 5)
  }

  @Test func whatCannotBeIsRefused() throws {
    let cold = TargetDistribution(.squared, temperature: 0)
    #expect(throws: ObjectiveError.self) { try DistanceLoss(Samples.digits, target: cold, direction: .reverse) }
    let massless = try TokenSpace(name: "m", ids: [1, 2, 3], values: [0, 0, 1], base: [1, 0, 1])
    let warm = TargetDistribution(.squared, temperature: 1)
    #expect(throws: ObjectiveError.self) { try DistanceLoss(massless, target: warm, direction: .reverse) }
    let reverse = try DistanceLoss(Samples.digits, target: warm, direction: .reverse)
    #expect(throws: ObjectiveError.self) { try Objective(.vocab, distanceLosses: [reverse]) }
    let large = try TokenSpace.all(ResolvedTarget.largestTable + 1)
    let discrete = TargetDistribution(.discrete, temperature: 1)
    #expect(throws: ObjectiveError.self) { try DistanceLoss(large, target: discrete, contrast: .shared()) }
    #expect(throws: TokenSpaceError.self) { try Samples.dist.check(vocabularySize: 16) }
    try Samples.dist.check(vocabularySize: 17)
  }

  @Test func contrastiveExamplesAreDrawnAsTheMatchesSay() throws {
    #expect(Objective.crossEntropy.contrastiveSampler(seed: 1) == nil)
    let plain = try Samples.distanceLoss.with(contrast: Contrast.none)
    #expect((Objective.crossEntropy + 0.1 * plain).contrastiveSampler(seed: 1) == nil)
    let wide = try Samples.distanceLoss.with(contrast: .shared(radius: 3, range: 0...1))
    let objective = Objective.crossEntropy + 0.1 * plain + 0.1 * wide
    #expect(!objective.needsContrastivePass)
    #expect(Samples.dist.needsContrastivePass)
    #expect(
      objective.contrastiveSampler(seed: 7)
        == ContrastiveSampler([nil, ContrastiveRule(space: Samples.digits, radius: 3, range: 0...1)], seed: 7))
  }

  /// A.2 from text to loss: 40 with its contrastive example 39, digit by digit. The tens of 39 are a second right
  /// answer (distance 0), the units are one off (distance 1).
  @Test func fortyAndThirtyNine() throws {
    let example = EncodedExample(
      ids: [15, Samples.digits.ids[4], Samples.digits.ids[0]], supervised: [false, true, true],
      metrics: [
        MetricPosition(
          position: 1, candidate: 4, place: PlaceValue(rankInNumber: 2, rankInRun: 2, exponent: 1), number: 0),
        MetricPosition(
          position: 2, candidate: 0, place: PlaceValue(rankInNumber: 1, rankInRun: 1, exponent: 0), number: 0),
      ])
    let distanceLoss = try Samples.distanceLoss.with(contrast: .twoPass(range: 0...40))
    let objective = Objective.crossEntropy + 0.1 * distanceLoss
    let contrastiveExample = objective.contrastiveSampler(seed: 3)?.contrastiveExample(of: example, epoch: 0, index: 0)
    #expect(contrastiveExample?.ids == [15, Samples.digits.ids[3], Samples.digits.ids[9]])
    #expect(contrastiveExample?.differences == [0, 1])
    let batch = TokenBatch([example], contrastiveExamples: [contrastiveExample])
    let plan = objective.plan(batch.supervision, objective.denominators(of: [batch.supervision]))
    let part = plan.distanceLosses[0].parts[0]
    let p = plan.distanceLosses[0].targets(of: part).p.array(of: Double.self)
    #expect(part.term.contrastiveTokens == [Int64(Samples.digits.ids[3]), Int64(Samples.digits.ids[9])])
    let ratio = { (row: Int, own: Int) in p[row * 11 + 10] / p[row * 11 + own] }
    #expect(abs(ratio(0, 4) - 1) < 1e-15)
    #expect(abs(ratio(1, 0) - exp(-0.5)) < 1e-15)
    let weights: [Double] = [2.0 / 3, 1.0 / 3]
    #expect(part.term.weights == weights)
  }

  @Test func placeWeights() {
    let places = [(4, 1, 0), (3, 3, -1), (2, 2, -2), (1, 1, -3)].map {
      PlaceValue(rankInNumber: $0.0, rankInRun: $0.1, exponent: $0.2)
    }
    #expect(places.map(PlaceRule.none.weight) == [1, 1, 1, 1])
    #expect(places.map(PlaceRule.number.weight) == [4, 3, 2, 1])
    #expect(places.map(PlaceRule.run.weight) == [1, 3, 2, 1])
    #expect(places.map(PlaceRule.powerOfTen.weight) == [1, 0.1, 0.01, 0.001])
    #expect(PlaceRule.allCases.map { $0.weight(of: .whole) } == [1, 1, 1, 1])
    #expect(PlaceRule.powerOfTen.weight(of: PlaceValue(rankInNumber: 4, rankInRun: 4, exponent: 3)) == 1000)
  }
}
