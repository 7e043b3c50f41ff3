// SPDX-License-Identifier: Apache-2.0
// A distance of one's own, trained against: the hours of a clock, where 11 is as near to 1 as 3 is. One line registers it,
// and a run file names it like any other.
//
// The "model" is a table of logits, so that the loss and its gradient can be seen at work without a checkpoint.
import Files
import MetricTokens
import Objectives
import Recipes
import Torch

/// Shortest way round a dial, in squared hours.
struct ClockDistance: ValueDistance, NamedDistance {
  static let name = "clock"
  static let parameters = [DistanceParameter("hours", .number)]
  let isSymmetric = true
  let satisfiesTriangleInequality = false
  let hours: Double

  init(_ parameters: DistanceParameters) throws { hours = try parameters.number("hours", default: 12) }

  func distance(from x: Double, to y: Double) -> Double {
    let way = abs(x - y).truncatingRemainder(dividingBy: hours)
    let shorter = min(way, hours - way)
    return shorter * shorter
  }
}

DistanceRegistry.register(ClockDistance.self)

let run = try RunSettings(
  yaml: """
    model: SmolLM2-135M-Instruct
    metrics:
      - { name: hour, tokens: { integers: [1, 12] }, distance: { name: clock, hours: 12 }, temperature: 1 }
    """)
let metric = run.metrics[0]
do {
  _ = try RunSettings(yaml: "model: m\nmetrics:\n  - { name: hour, tokens: digits, distance: clocks }")
} catch let error as InputError {
  print("a name that is not registered:", error)
}

let hours = try TokenSpace(name: metric.name, ids: Array(0..<12), values: (1...12).map(Double.init))
let distanceLoss = try DistanceLoss(
  hours, target: TargetDistribution(metric.distance.make(), temperature: metric.temperature ?? .value(1)))
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
