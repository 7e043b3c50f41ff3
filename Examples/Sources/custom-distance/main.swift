// SPDX-License-Identifier: Apache-2.0
// A distance of one's own, trained against: the hours of a clock, where 11 is as near to 1 as 3 is.
//
// The "model" is a table of logits, so that the loss and its gradient can be seen at work without a checkpoint.
import MetricTokens
import Objectives
import Torch

/// Shortest way round a dial of twelve hours, in squared hours.
struct ClockDistance: ValueDistance {
  let name = "clock"
  let isSymmetric = true
  let satisfiesTriangleInequality = false
  func distance(from x: Double, to y: Double) -> Double {
    let way = abs(x - y).truncatingRemainder(dividingBy: 12)
    let hours = min(way, 12 - way)
    return hours * hours
  }
}

let hours = try TokenSpace(name: "hours", ids: Array(0..<12), values: (1...12).map(Double.init))
let distanceLoss = try DistanceLoss(hours, target: TargetDistribution(ClockDistance(), temperature: .value(1)))
let objective = Objective.crossEntropy + 0.1 * distanceLoss

// One position whose target is 12 o'clock (candidate 11), and a model that knows nothing yet.
let supervision = Supervision(logitRows: [0], labels: [11], metrics: [MetricTarget(logitRow: 0, candidate: 11)])
let denominators = objective.denominators(of: [supervision])
let logits = Tensor.zeros([1, 12], dtype: .float64).requiresGrad(true)

for step in 0...200 {
  let loss = objective(logits: logits, supervision: supervision, denominators: denominators)
  if step % 50 == 0 {
    let parts = loss.lossTerms.map { "\($0.name) \(($0.value.item() * 1000).rounded() / 1000)" }
    print("step \(step): loss \((loss.total.item() * 1000).rounded() / 1000)  (\(parts.joined(separator: ", ")))")
  }
  loss.total.backward()
  noGrad { logits.add_(logits.grad!, alpha: -1) }
  logits.grad = nil
}
let p = logits.softmax(-1).array(of: Double.self)
print("after training, 1 o'clock is likelier than 6 o'clock: \(p[0] > p[5])")
precondition(p[0] > p[5] && p[10] > p[5], "the distance was not learnt")
