// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch

/// Batches and objectives that the tests share.
enum Samples {
  static let digits = try! TokenSpace(
    name: "digits", unit: .digit, ids: [12, 3, 5, 0, 9, 14, 2, 7, 16, 1], values: (0...9).map(Double.init))
  static let distanceLoss = try! DistanceLoss(
    digits, target: TargetDistribution(.squared, temperature: 2), place: .number, contrast: .twoPass())
  static let dist = Objective.crossEntropy + 0.1 * distanceLoss

  /// Deterministic logits `[n, v]`.
  static func logits(_ n: Int, _ v: Int, seed: UInt64 = 0, scale: Double = 4) -> Tensor {
    var generator = CounterGenerator(seed)
    let values = (0..<n * v).map { _ in (Double(generator.next(below: 100_000)) / 50_000 - 1) * scale }
    return Tensor(values, shape: [n, v])
  }

  /// A batch in which some labels are digits, with and without contrastive examples.
  static func supervision(_ n: Int, v: Int, metricShare: Int = 2, seed: UInt64 = 1) -> Supervision {
    var generator = CounterGenerator(seed), result = Supervision()
    for logitRow in 0..<n {
      result.logitRows.append(Int32(logitRow))
      guard metricShare > 0, generator.next(below: metricShare) == 0 else {
        result.labels.append(Int32(generator.next(below: v)))
        continue
      }
      let digit = generator.next(below: 10), rank = 1 + generator.next(below: 4)
      result.labels.append(digits.ids[digit])
      var contrast: ContrastTarget?
      if generator.next(below: 2) == 0 {
        contrast = ContrastTarget(
          token: digits.ids[generator.next(below: 10)], difference: Double(generator.next(below: 10)),
          logitRow: result.contrastLogitRows.count)
        result.contrastLogitRows.append(Int32(result.contrastLogitRows.count))
      }
      result.metrics.append(
        MetricTarget(
          logitRow: logitRow, candidate: digit,
          place: PlaceValue(rankInNumber: rank, rankInRun: rank, exponent: rank - 1),
          contrast: contrast))
    }
    return result
  }

  static func loss(_ objective: Objective, _ logits: Tensor, _ supervision: Supervision, contrast: Tensor? = nil)
    -> LossValue
  {
    objective(
      logits: logits,
      contrastLogits: contrast ?? Samples.logits(supervision.contrastLogitRows.count, logits.size(1), seed: 9),
      supervision: supervision, denominators: objective.denominators(of: [supervision]))
  }
}
