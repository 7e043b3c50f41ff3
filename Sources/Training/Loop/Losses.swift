// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// N and Σw of the parts of a step that this process has, in all processes.
  func denominators(over parts: Denominators) throws -> Denominators {
    Denominators(values: try reducer.sum(parts.values))
  }

  /// The losses of a step or a validation, summed over micro-batches and processes.
  func sum(_ parts: [BatchLosses]) throws -> BatchLosses {
    var sum = BatchLosses(
      loss: parts.reduce(0) { $0 + $1.loss },
      lossTerms: objective.lossTerms.enumerated().map { index, lossTerm in
        LossTermMetrics(
          name: lossTerm.name, weight: lossTerm.weight, value: parts.reduce(0) { $0 + $1.lossTerms[index].value })
      })
    let names = objective.measurementNames
    let measured = names.indices.map { index in
      parts.reduce((sum: 0.0, count: 0.0)) {
        ($0.sum + $1.measurements[index].sum, $0.count + $1.measurements[index].count)
      }
    }
    let values = try reducer.sum(
      [sum.loss] + sum.lossTerms.map(\.value) + measured.map(\.sum) + measured.map(\.count))
    sum.loss = values[0]
    for index in sum.lossTerms.indices { sum.lossTerms[index].value = values[index + 1] }
    let sums = values.dropFirst(1 + sum.lossTerms.count)
    sum.measurements = zip(names, zip(sums, sums.dropFirst(names.count))).map { ($0, $1.0, $1.1) }
    return sum
  }

  /// The part of the step's loss that a micro-batch contributes; nil if nothing in it is learnt.
  ///
  /// The model computes hidden states only where the objective asks for them.
  func loss(of batch: TokenBatch, _ denominators: Denominators) throws -> LossValue? {
    let rows = objective.rows(of: batch.supervision)
    if rows.isEmpty { return nil }
    let device = model.head.weight.device
    let ids = Tensor(batch.ids, shape: [batch.rows, batch.length], device: device)
    let hidden = model.hidden(
      ModelInput(ids: ids, documents: batch.documentLengths, images: batch.imageInput(on: device)), cache: nil,
      rows: Tensor(rows, device: device))
    // An operation of the model failed: the surrounding `withTorchErrors` throws its message instead of this one.
    if Torch.hasFailed { throw TorchError("the model gave no hidden states") }
    let said = try objective.companions.reduce(into: [String: CompanionStates]()) { said, name in
      guard let companion = companions[name] else { preconditionFailure("the objective reads a model named \(name)") }
      said[name] = try companion.states(of: batch, rows: rows)
    }
    return objective.loss(
      of: hidden, head: model.head, companions: said, supervision: batch.supervision, denominators: denominators)
  }
}

extension TokenBatch {
  /// The batch's images as the model takes them; nil if it has none.
  fileprivate func imageInput(on device: Device) -> ImageInput? {
    ImageInput(
      images.map { image in
        ImageInput.Image(
          values: image.image.values,
          shape: [image.image.channels, image.image.height, image.image.width],
          grid: image.image.grid.map { ($0.rows, $0.columns) }, starts: image.starts, count: image.count)
      }, device: device)
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

/// The losses of a micro-batch (or the sum of several), read from the device.
struct BatchLosses {
  var loss: Double
  var lossTerms: [LossTermMetrics]
  /// Sums and counts of the means beside it.
  var measurements: [(name: String, sum: Double, count: Double)] = []

  /// The means of which something was counted; nil for an objective that reports none.
  var means: [MeasurementMetrics]? {
    measurements.isEmpty
      ? nil : measurements.filter { $0.count > 0 }.map { MeasurementMetrics(name: $0.name, value: $0.sum / $0.count) }
  }
}

/// Brings the losses of a step's micro-batches and the norm of their gradients from the device, in one transfer: the
/// only time in a step that the device is waited for.
func readLosses(_ losses: [LossValue], norm: Tensor? = nil) throws -> (batches: [BatchLosses], norm: Double) {
  // A process of several may have nothing to learn from in a step.
  guard norm != nil || !losses.isEmpty else { return ([], 0) }
  let scalars =
    losses.flatMap { [$0.total] + $0.lossTerms.map(\.value) + $0.measurements.map(\.sum) } + (norm.map { [$0] } ?? [])
  let values = try Tensor.stack(scalars.map { $0.detach().to(.float64) }).values(of: Double.self)
  var rest = values[...]
  let batches = losses.map { loss in
    BatchLosses(
      loss: rest.removeFirst(),
      lossTerms: loss.lossTerms.map { LossTermMetrics(name: $0.name, weight: $0.weight, value: rest.removeFirst()) },
      measurements: loss.measurements.map { ($0.name, rest.removeFirst(), $0.count) })
  }
  return (batches, norm == nil ? 0 : rest.removeFirst())
}
