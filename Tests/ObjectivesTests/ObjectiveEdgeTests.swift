// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Empty batches, odd shapes, extreme numbers, other types.
@Suite struct ObjectiveEdgeTests {
  /// ntloss returns a constant without gradient here, which stops a training step.
  @Test func batchesWithoutMetricTokensOrWithoutAnything() {
    let none = Samples.supervision(4, v: 20, metricShare: 0)
    let x = Samples.logits(4, 20).requiresGrad(true)
    let value = Samples.loss(Samples.dist, x, none)
    #expect(value.lossTerms[1].value.item() == 0)
    #expect(value.total.item() == Samples.loss(.crossEntropy, x, none).total.item())
    value.total.backward()
    #expect(x.grad != nil)

    let empty = Tensor.zeros([0, 20], dtype: .float64).requiresGrad(true)
    let nothing = Samples.loss(Samples.dist, empty, Supervision())
    #expect(nothing.total.item() == 0)
    nothing.total.backward()
    #expect(empty.grad?.shape == [0, 20])

    // Nothing in this part, though the step has tokens elsewhere; nothing may become NaN, nor may infinities spread.
    let wild = Tensor.full([0, 20], .infinity, dtype: .float64).requiresGrad(true)
    let part = Samples.dist(
      logits: wild, supervision: Supervision(), denominators: Denominators(supervised: 7, weights: [3]))
    #expect(part.total.item() == 0)
  }

  @Test(arguments: [(1, 17), (3, 17), (41, 401), (2, 1271)])
  func oddShapes(n: Int, v: Int) {
    let supervision = Samples.supervision(n, v: v, metricShare: 1), contrastiveExamples = Samples.logits(n, v, seed: 9)
    let x = Samples.logits(n, v).requiresGrad(true)
    let value = Samples.loss(Samples.dist, x, supervision, contrast: contrastiveExamples)
    let slow = Self.reference(x, supervision, contrastiveExamples)
    #expect(abs(value.total.item() - slow.item()) < 1e-12)
    let a = gradients(of: [value.total], withRespectTo: [x])[0]!, b = gradients(of: [slow], withRespectTo: [x])[0]!
    #expect(largestDifference(a.array(), b.array()) < 1e-14)
  }

  /// `dist` written as the paper has it, token by token.
  private static func reference(_ x: Tensor, _ supervision: Supervision, _ contrastiveExamples: Tensor) -> Tensor {
    var sum = Tensor(scalar: 0.0), weights = 0.0
    for target in supervision.metrics {
      var energies = (0...9).map { -pow(Double($0 - target.candidate), 2) / 2 }
      var logits = Samples.digits.ids.map { x.select(0, target.logitRow).select(0, Int($0)) }
      if let contrast = target.contrast {
        energies.append(-pow(contrast.difference, 2) / 2)
        logits.append(contrastiveExamples.select(0, contrast.logitRow!).select(0, Int(contrast.token)))
      }
      let p = Tensor(energies).softmax(0), q = Tensor.stack(logits).logSoftmax(0)
      sum = sum + Double(target.place.rankInNumber) * (p * (p.log() - q)).sum()
      weights += Double(target.place.rankInNumber)
    }
    return x.crossEntropy(Tensor(supervision.labels.map(Int64.init))) + 0.1 * sum / max(weights, 1)
  }

  @Test func theWholeVocabularyAsCandidates() throws {
    let space = try TokenSpace.all(20),
      supervision = Supervision(
        logitRows: [0, 1, 2], labels: [4, 0, 19],
        metrics: [MetricTarget(logitRow: 0, candidate: 4), MetricTarget(logitRow: 2, candidate: 19)])
    let x = Samples.logits(3, 20)
    let values = try DistanceLoss.Softmax.allCases.map { softmax in
      let distanceLoss = try DistanceLoss(space, target: .labelSmoothing(0.3), softmax: softmax)
      return Samples.loss(.crossEntropy + 0.1 * distanceLoss, x, supervision).total.item()
    }
    #expect(abs(values[0] - values[1]) < 1e-14)
  }

  @Test(arguments: DistanceLoss.Softmax.allCases, DistanceLoss.Direction.allCases)
  func extremeLogitsStayFinite(softmax: DistanceLoss.Softmax, direction: DistanceLoss.Direction) throws {
    for contrast in [Contrast.none, .shared(), .twoPass()] {
      let distanceLoss = try DistanceLoss(
        Samples.digits, target: TargetDistribution(.squared, temperature: 0.01), softmax: softmax, direction: direction,
        place: .powerOfTen, contrast: contrast)
      let supervision = Samples.supervision(8, v: 20, metricShare: 1)
      for dtype in [DType.float32, .float64] {
        let x = (Samples.logits(8, 20).sign() * 1e4).to(dtype).requiresGrad(true)
        let value = Samples.loss(.crossEntropy + 0.1 * distanceLoss, x, supervision, contrast: x.detach() * -1.0)
        value.total.backward()
        #expect(value.total.item().isFinite)
        #expect(x.grad!.isFinite().all().intItem() == 1)
      }
    }
  }

  @Test(arguments: [(DType.float32, 1e-5), (.bfloat16, 3e-2), (.float16, 4e-3)])
  func otherTypesOfHiddenStates(dtype: DType, tolerance: Double) {
    let supervision = Samples.supervision(7, v: 20), denominators = Samples.dist.denominators(of: [supervision])
    func value(_ dtype: DType) -> LossValue {
      Samples.dist(
        hidden: Samples.logits(7, 4, scale: 1).to(dtype),
        contrastHidden: Samples.logits(7, 4, seed: 3, scale: 1).to(dtype),
        head: OutputHead(
          weight: Samples.logits(20, 4, seed: 2, scale: 1).to(dtype), bias: Tensor.ones([20], dtype: dtype)),
        supervision: supervision, denominators: denominators)
    }
    let exact = value(.float64), rounded = value(dtype)
    #expect(rounded.total.dtype == .float32)
    #expect(abs(exact.total.item() - rounded.total.item()) < tolerance)
  }
}
