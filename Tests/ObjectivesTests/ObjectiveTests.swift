// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

@Suite struct ObjectiveTests {
  // MARK: Identities (docs/paper-map.md)

  /// (i): over the vocabulary the divergence is larger by −log p_θ(V_d), in value and gradient.
  @Test(arguments: DistanceLoss.Direction.allCases)
  func vocabularyIsSubsetMinusLogMass(direction: DistanceLoss.Direction) throws {
    let supervision = Samples.supervision(9, v: 20), target = TargetDistribution(.squared, temperature: 2)
    let rows = Tensor(supervision.metrics.map { Int64($0.logitRow) }), ids = Tensor(Samples.digits.ids.map(Int64.init))
    func distance(_ softmax: DistanceLoss.Softmax) throws -> (Tensor) -> Tensor {
      let distanceLoss = try DistanceLoss(Samples.digits, target: target, softmax: softmax, direction: direction)
      let objective = Objective.crossEntropy + 1 * distanceLoss, ce = Objective.crossEntropy
      return { Samples.loss(objective, $0, supervision).total - Samples.loss(ce, $0, supervision).total }
    }
    let subset = try distance(.subset), vocabulary = try distance(.vocabulary)
    let mass: (Tensor) -> Tensor = {
      $0.logSoftmax(1).indexSelect(0, rows).indexSelect(1, ids).exp().sum(1).log().mean()
    }
    let x = Samples.logits(9, 20).requiresGrad(true)
    let left = vocabulary(x), right = subset(x) - mass(x)
    #expect(abs(left.item() - right.item()) < 1e-13)
    let a = gradients(of: [left], withRespectTo: [x])[0]!, b = gradients(of: [right], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-14)
  }

  /// (ii): as τ → 0 the subset loss is cross entropy over V_d, so vocab is the limit of dist.
  @Test func vocabIsTheLimitOfDist() throws {
    let supervision = Samples.supervision(9, v: 20)
    let x = Samples.logits(9, 20).requiresGrad(true)
    let vocab = Samples.loss(try Objective(.vocab, distanceLosses: [Samples.distanceLoss]), x, supervision)
    let cold = try DistanceLoss(Samples.digits, target: TargetDistribution(.squared, temperature: 1e-3))
    let limit = Samples.loss(.crossEntropy + 0.1 * cold, x, supervision)
    let rows = Tensor(supervision.metrics.map { Int64($0.logitRow) }), ids = Tensor(Samples.digits.ids.map(Int64.init))
    let direct = x.indexSelect(0, rows).indexSelect(1, ids)
      .crossEntropy(Tensor(supervision.metrics.map { Int64($0.candidate) }))
    #expect(abs(vocab.lossTerms[1].value.item() - direct.item()) < 1e-14)
    #expect(abs(vocab.total.item() - limit.total.item()) < 1e-14)
    let a = gradients(of: [vocab.total], withRespectTo: [x])[0]!,
      b = gradients(of: [limit.total], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-15)
  }

  // MARK: Several metrics

  /// Equation 6 has one L_dist: the same tokens weigh the same whether they are one metric or three.
  @Test func threeMetricsOnTheSameDigitsAreOne() {
    let whole = Samples.supervision(12, v: 20), x = Samples.logits(12, 20),
      contrastiveExamples = Samples.logits(12, 20, seed: 9)
    var split = whole
    for index in split.metrics.indices { split.metrics[index].metric = index % 3 }
    let three = Samples.dist + 0.1 * Samples.distanceLoss + 0.1 * Samples.distanceLoss
    let one = gradient(Samples.dist, x, whole, contrastiveExamples, Samples.dist.denominators(of: [whole]))
    let parts = gradient(three, x, split, contrastiveExamples, three.denominators(of: [split]))
    #expect(parts.lossTerms.count == 4 && abs(parts.lossTerms[1...].reduce(0, +) - one.lossTerms[1]) < 1e-14)
    #expect(largestDifference(parts.gradient, one.gradient) < 1e-15)

    // As a mean of its own each weighs α: three of the same push three times as hard.
    var alone = Samples.dist + 0.1 * Samples.distanceLoss
    var twice = whole
    twice.metrics += whole.metrics.map { target in
      var target = target
      target.metric = 1
      return target
    }
    alone.reduction = .meansPerMetric
    let doubled = gradient(alone, x, twice, contrastiveExamples, alone.denominators(of: [twice]))
    #expect(
      abs(doubled.lossTerms[1] - one.lossTerms[1]) < 1e-14 && abs(doubled.lossTerms[2] - one.lossTerms[1]) < 1e-14)
    alone.reduction = .means
    let shared = gradient(alone, x, twice, contrastiveExamples, alone.denominators(of: [twice]))
    #expect(largestDifference(shared.gradient, one.gradient) < 1e-15)
  }

  // MARK: Denominators

  /// A batch of 12 at once, as 4 × 3 and as 2 × 5 + 2: the same loss, loss terms and gradient.
  @Test(arguments: Objective.Reduction.allCases, [[12], [3, 3, 3, 3], [5, 5, 2], [1, 11], [0, 12]])
  func accumulationChangesNothing(reduction: Objective.Reduction, parts: [Int]) {
    var objective = Samples.dist
    objective.reduction = reduction
    let whole = Samples.supervision(12, v: 20), x = Samples.logits(12, 20),
      contrastiveExamples = Samples.logits(12, 20, seed: 9)
    let expected = gradient(objective, x, whole, contrastiveExamples, objective.denominators(of: [whole]))

    var supervisions = [Supervision](), start = 0
    for count in parts {
      let range = start..<start + count
      var part = Supervision(logitRows: (0..<Int32(count)).map { $0 }, labels: Array(whole.labels[range]))
      part.metrics = whole.metrics.filter { range.contains($0.logitRow) }
      for index in part.metrics.indices { part.metrics[index].logitRow -= start }
      part.contrastLogitRows = whole.contrastLogitRows
      supervisions.append(part)
      start += count
    }
    let denominators = objective.denominators(of: supervisions)
    #expect(
      denominators
        == supervisions.map { objective.denominators(of: [$0]) }.reduce(Denominators(supervised: 0, weights: [0]), +))
    #expect(Denominators(values: denominators.values) == denominators)
    var total = [0.0, 0], rows = [Double]()
    start = 0
    for (part, count) in zip(supervisions, parts) {
      let got = gradient(objective, x.narrow(0, start, count), part, contrastiveExamples, denominators)
      for index in total.indices { total[index] += got.lossTerms[index] }
      rows += got.gradient
      start += count
    }
    #expect(largestDifference(total, expected.lossTerms) < 1e-13)
    #expect(largestDifference(rows, expected.gradient) < 1e-15)
  }

  private func gradient(
    _ objective: Objective, _ logits: Tensor, _ supervision: Supervision, _ contrast: Tensor,
    _ denominators: Denominators
  ) -> (lossTerms: [Double], gradient: [Double]) {
    let x = logits.clone().requiresGrad(true)
    let loss = objective(logits: x, contrastLogits: contrast, supervision: supervision, denominators: denominators)
    return (loss.lossTerms.map { $0.value.item() }, gradients(of: [loss.total], withRespectTo: [x])[0]!.array())
  }

  // MARK: What gets a gradient

  /// Rows without supervision get none; rows without a metric token get that of cross entropy alone.
  @Test func onlySupervisedPositionsGetGradients() {
    let supervision = Supervision(
      logitRows: [4, 1], labels: [3, 11], metrics: [MetricTarget(logitRow: 0, candidate: 1)])
    let hidden = Samples.logits(6, 8).requiresGrad(true), head = OutputHead(weight: Samples.logits(20, 8, seed: 2))
    func gradient(_ objective: Objective) -> [Double] {
      let picked = hidden.indexSelect(0, Tensor(supervision.logitRows))
      let loss = objective(
        hidden: picked, head: head, supervision: supervision, denominators: objective.denominators(of: [supervision]))
      return gradients(of: [loss.total], withRespectTo: [hidden])[0]!.array()
    }
    let dist = gradient(Samples.dist), sft = gradient(.crossEntropy)
    for row in [0, 2, 3, 5] { #expect(dist[row * 8..<row * 8 + 8].allSatisfy { $0 == 0 }) }
    #expect(dist[8..<16] == sft[8..<16])
    #expect(dist[32..<40] != sft[32..<40])
  }

  /// A frozen head gets no gradient and a loss of an upstream gradient other than 1 scales.
  @Test func upstreamGradientsScaleAndFrozenHeadsStayOut() {
    let supervision = Samples.supervision(5, v: 20)
    let hidden = Samples.logits(5, 4).requiresGrad(true), head = OutputHead(weight: Samples.logits(20, 4, seed: 2))
    let contrastiveExamples = Samples.logits(supervision.contrastLogitRows.count, 4, seed: 3)
    let value = Samples.dist(
      hidden: hidden, contrastHidden: contrastiveExamples, head: head, supervision: supervision,
      denominators: Samples.dist.denominators(of: [supervision])
    ).total
    let once = gradients(of: [value], withRespectTo: [hidden], retainGraph: true)[0]!
    let scaled = gradients(of: [value * -2.5], withRespectTo: [hidden])[0]!
    #expect(largestDifference((once * -2.5).array(), scaled.array()) < 1e-15)
    #expect(head.weight.grad == nil)
  }
}
