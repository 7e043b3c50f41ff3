// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch

/// A loss and its terms: of a micro-batch, a step or a validation.
public struct LossMetrics: Sendable, Hashable, Codable {
  /// Σ weight · value.
  public var loss: Double
  /// Its terms.
  public var lossTerms: [LossTermMetrics]

  /// Memberwise.
  public init(loss: Double, lossTerms: [LossTermMetrics]) { (self.loss, self.lossTerms) = (loss, lossTerms) }
}

extension TrainingLoop {
  /// The losses of a step or a validation, summed over micro-batches and processes, and the norm of all gradients.
  ///
  /// - Parameter norm: that of the gradients that this process holds.
  func sum(
    _ parts: [LossMetrics], _ lossTerms: [(name: String, weight: Double)], norm: Double = 0
  ) throws -> (losses: LossMetrics, norm: Double) {
    let own =
      [parts.reduce(0) { $0 + $1.loss }]
      + lossTerms.indices.map { term in
        parts.reduce(0) { $0 + $1.lossTerms[term].value }
      }
    let rows = try reducer.gather(own + [norm])
    let sums = SingleProcess.sum(rows.map { Array($0.dropLast()) }[...])
    let terms = zip(lossTerms, sums.dropFirst()).map { LossTermMetrics(name: $0.name, weight: $0.weight, value: $1) }
    let norms = rows.compactMap(\.last)
    return (
      LossMetrics(loss: sums[0], lossTerms: terms),
      gradients.isSharded ? norms.reduce(0) { $0 + $1 * $1 }.squareRoot() : norm
    )
  }
}

extension LossValue {
  /// The same without the graph.
  var detached: LossValue {
    var value = self
    value.total = total.detach()
    return value
  }
}

/// Brings the losses of a step's micro-batches and the norm of their gradients from the device, in one transfer: the
/// only time in a step that the device is waited for.
func readLosses(_ losses: [LossValue], norm: Tensor? = nil) throws -> (batches: [LossMetrics], norm: Double) {
  // A process of several may have nothing to learn from in a step.
  guard norm != nil || !losses.isEmpty else { return ([], 0) }
  let scalars = losses.flatMap { [$0.total] + $0.lossTerms.map(\.value) } + (norm.map { [$0] } ?? [])
  let values = try Tensor.stack(scalars.map { $0.detach().to(.float64) }).values(of: Double.self)
  var rest = values[...]
  let batches = losses.map { loss in
    LossMetrics(
      loss: rest.removeFirst(),
      lossTerms: loss.lossTerms.map { LossTermMetrics(name: $0.name, weight: $0.weight, value: rest.removeFirst()) })
  }
  return (batches, norm == nil ? 0 : rest.removeFirst())
}
