import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// The micro-batches that have something to learn. A step without any is refused: its update would be made of
  /// weight decay and old momentum alone.
  func supervised(_ batches: [TokenBatch]) throws -> [TokenBatch] {
    let supervised = batches.filter { !$0.supervision.queries.isEmpty }
    guard !supervised.isEmpty else {
      throw TrainingError.nothingSupervised(step: progress.step + 1, examples: batches.flatMap(\.sources))
    }
    return supervised
  }

  /// N and Σw of a whole step: all its micro-batches, in all processes.
  func denominators(for batches: [TokenBatch]) throws -> Denominators {
    Denominators(values: try reducer.sum(objective.denominators(of: batches.map(\.supervision)).values))
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
      head: Head(weight: model.head.weight, bias: model.head.bias), supervision: supervision,
      denominators: denominators)
  }

  private func hidden(of batch: TokenBatch) -> Tensor {
    let device = model.head.weight.device
    return model.hidden(
      ModelInput(ids: Tensor(batch.ids, shape: [batch.rows, batch.length], device: device)), cache: nil,
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

/// Losses read from the device: one for each micro-batch.
struct StepLosses {
  struct Part {
    var loss: Double
    var summands: [SummandMetrics]
  }
  var parts: [Part]

  /// Their sum over micro-batches and processes.
  func sum(_ reducer: any Reducer) throws -> Part {
    guard var sum = parts.first else { return Part(loss: 0, summands: []) }
    for part in parts.dropFirst() {
      sum.loss += part.loss
      for index in sum.summands.indices { sum.summands[index].value += part.summands[index].value }
    }
    let values = try reducer.sum([sum.loss] + sum.summands.map(\.value))
    sum.loss = values[0]
    for index in sum.summands.indices { sum.summands[index].value = values[index + 1] }
    return sum
  }
}

/// Brings the losses of a step's micro-batches and the norm of their gradients from the device, in one transfer: the
/// only time in a step that the device is waited for.
func readLosses(_ losses: [LossValue], norm: Tensor? = nil) -> (StepLosses, norm: Double) {
  let scalars = losses.flatMap { [$0.total] + $0.summands.map(\.value) } + (norm.map { [$0] } ?? [])
  let values = Tensor.stack(scalars.map { $0.detach().to(.float64) }).array(of: Double.self)
  // Fewer values than asked for come after an error that the surrounding `withTorchErrors` is about to throw.
  guard values.count == scalars.count else { return (StepLosses(parts: []), .nan) }
  var rest = values[...]
  let parts = losses.map { loss in
    StepLosses.Part(
      loss: rest.removeFirst(),
      summands: loss.summands.map { SummandMetrics(name: $0.name, weight: $0.weight, value: rest.removeFirst()) })
  }
  return (StepLosses(parts: parts), norm == nil ? 0 : rest.removeFirst())
}
