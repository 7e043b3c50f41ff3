// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch

/// A loss and its terms: of a micro-batch, a step or a validation.
public struct LossMetrics: Sendable, Hashable, Codable {
  /// Σ weight · value.
  public var loss: Double
  /// Its terms.
  public var lossTerms: [LossTermMetrics]

  /// Sums and counts of the means beside it.
  public var measurements: [MeasurementSum] = []

  /// Memberwise.
  public init(loss: Double, lossTerms: [LossTermMetrics], measurements: [MeasurementSum] = []) {
    (self.loss, self.lossTerms, self.measurements) = (loss, lossTerms, measurements)
  }

  /// The means of which something was counted; nil for an objective that reports none.
  var means: [MeasurementMetrics]? {
    measurements.isEmpty
      ? nil : measurements.filter { $0.count > 0 }.map { MeasurementMetrics(name: $0.name, value: $0.sum / $0.count) }
  }
}

/// A mean beside the loss, before it is divided: micro-batches and processes add up.
public struct MeasurementSum: Sendable, Hashable, Codable {
  /// `rewards/chosen`
  public var name: String
  /// Sum over what is counted.
  public var sum: Double
  /// How many.
  public var count: Double

  /// Memberwise.
  public init(name: String, sum: Double, count: Double) { (self.name, self.sum, self.count) = (name, sum, count) }
}

extension TrainingLoop {
  /// The losses of a step or a validation, summed over micro-batches and processes, and the norm of all gradients.
  ///
  /// - Parameters:
  ///   - measured: names of the means beside the loss.
  ///   - norm: that of the gradients that this process holds.
  func sum(
    _ parts: [LossMetrics], _ lossTerms: [(name: String, weight: Double)], _ measured: [String], norm: Double = 0
  ) throws -> (losses: LossMetrics, norm: Double) {
    func total(_ value: (LossMetrics) -> Double) -> Double { parts.reduce(0) { $0 + value($1) } }
    let own =
      [total(\.loss)] + lossTerms.indices.map { term in total { $0.lossTerms[term].value } }
      + measured.indices.flatMap { index in
        [total { $0.measurements[index].sum }, total { $0.measurements[index].count }]
      }
    let rows = try reducer.gather(own + [norm])
    let sums = SingleProcess.sum(rows.map { Array($0.dropLast()) }[...])
    let terms = zip(lossTerms, sums.dropFirst()).map { LossTermMetrics(name: $0.name, weight: $0.weight, value: $1) }
    let pairs = Array(sums.dropFirst(1 + lossTerms.count))
    let means = measured.indices.map {
      MeasurementSum(name: measured[$0], sum: pairs[2 * $0], count: pairs[2 * $0 + 1])
    }
    let norms = rows.compactMap(\.last)
    return (
      LossMetrics(loss: sums[0], lossTerms: terms, measurements: means),
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
  let scalars =
    losses.flatMap { [$0.total] + $0.lossTerms.map(\.value) + $0.measurements.map(\.sum) } + (norm.map { [$0] } ?? [])
  // A part that nothing depends on may have stayed on the CPU: it goes to the others.
  let device = scalars.first { $0.device != .cpu }?.device ?? .cpu
  let values = try Tensor.stack(scalars.map { $0.detach().to(device, dtype: .float64) }).values(of: Double.self)
  var rest = values[...]
  let batches = losses.map { loss in
    LossMetrics(
      loss: rest.removeFirst(),
      lossTerms: loss.lossTerms.map { LossTermMetrics(name: $0.name, weight: $0.weight, value: rest.removeFirst()) },
      measurements: loss.measurements.map {
        MeasurementSum(name: $0.name, sum: rest.removeFirst(), count: $0.count)
      })
  }
  return (batches, norm == nil ? 0 : rest.removeFirst())
}
