import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// N and Σw of a whole step: all its micro-batches, in all processes.
  func denominators(for batches: [TokenBatch]) throws -> Denominators {
    Denominators(values: try reducer.sum(objective.denominators(of: batches.map(\.supervision)).values))
  }

  /// The losses of a step or a validation, summed over micro-batches and processes.
  func sum(_ parts: [BatchLosses]) throws -> BatchLosses {
    var sum = BatchLosses(
      loss: parts.reduce(0) { $0 + $1.loss },
      summands: zip(objective.names, [1] + objective.terms.map(\.weight)).enumerated().map { index, summand in
        SummandMetrics(
          name: summand.0, weight: summand.1, value: parts.reduce(0) { $0 + $1.summands[index].value })
      })
    let values = try reducer.sum([sum.loss] + sum.summands.map(\.value))
    sum.loss = values[0]
    for index in sum.summands.indices { sum.summands[index].value = values[index + 1] }
    return sum
  }

  /// The part of the step's loss that a micro-batch contributes.
  ///
  /// The model computes hidden states `[N + N_c, H]` only where something is predicted: at the examples' supervised
  /// positions, then at those of their neighbours.
  func loss(of batch: TokenBatch, _ denominators: Denominators) throws -> LossValue {
    let supervision = batch.supervision
    let hidden = hidden(of: batch)
    // An operation of the model failed: the surrounding `withTorchErrors` throws its message instead of this one.
    if hidden.handle == nil { throw TorchError("the model gave no hidden states") }
    let count = supervision.queries.count, contrasted = supervision.contrastQueries.count
    return objective(
      hidden: contrasted == 0 ? hidden : hidden.narrow(0, 0, count),
      contrastHidden: contrasted == 0 ? nil : hidden.narrow(0, count, contrasted),
      head: model.head, supervision: supervision,
      denominators: denominators)
  }

  private func hidden(of batch: TokenBatch) -> Tensor {
    let device = model.head.weight.device
    let ids = Tensor(batch.ids, shape: [batch.rows, batch.length], device: device)
    return model.hidden(
      ModelInput(ids: ids, documents: batch.documentLengths), cache: nil,
      rows: Tensor(batch.supervision.queries + batch.supervision.contrastQueries, device: device))
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
  var summands: [SummandMetrics]
}

/// Brings the losses of a step's micro-batches and the norm of their gradients from the device, in one transfer: the
/// only time in a step that the device is waited for.
func readLosses(_ losses: [LossValue], norm: Tensor? = nil) throws -> (batches: [BatchLosses], norm: Double) {
  let scalars = losses.flatMap { [$0.total] + $0.summands.map(\.value) } + (norm.map { [$0] } ?? [])
  let values = Tensor.stack(scalars.map { $0.detach().to(.float64) }).array(of: Double.self)
  // An operation failed: the surrounding `withTorchErrors` throws its message instead of this one.
  guard values.count == scalars.count else { throw TorchError("the losses could not be read") }
  var rest = values[...]
  let batches = losses.map { loss in
    BatchLosses(
      loss: rest.removeFirst(),
      summands: loss.summands.map { SummandMetrics(name: $0.name, weight: $0.weight, value: rest.removeFirst()) })
  }
  return (batches, norm == nil ? 0 : rest.removeFirst())
}
