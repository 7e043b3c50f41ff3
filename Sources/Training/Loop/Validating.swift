// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch
import TorchNN

/// A loss on what is not trained on, taken now and then.
public struct PeriodicValidation {
  /// Taken after every so many steps, and after the last.
  public var stepsBetween: Int
  /// When to end the run because of it; nil for never.
  public var earlyStop: EarlyStop?
  /// The loss by which the best step is chosen, and its terms. The module is not in training meanwhile.
  public var losses: () throws -> LossMetrics

  /// Memberwise.
  public init(stepsBetween: Int, earlyStop: EarlyStop? = nil, losses: @escaping () throws -> LossMetrics) {
    precondition(stepsBetween > 0, "validation every \(stepsBetween) steps")
    (self.stepsBetween, self.earlyStop, self.losses) = (stepsBetween, earlyStop, losses)
  }
}

extension TrainingLoop {
  /// The loss over all of a task's examples, as if they were one batch, without changing anything.
  public func losses(over task: some TrainingTask) throws -> LossMetrics {
    // The denominators are plain counts, so a first pass over the examples (not through the model) knows them.
    let steps = 0..<task.plan.stepsPerEpoch
    let own = try steps.reduce(task.denominators(of: [])) { $0 + (try task.denominators(ofStep: $1)) }
    let denominators = Denominators(values: try reducer.sum(own.values))
    var losses: [LossMetrics] = []
    for step in steps {
      let batches = try task.batches(ofStep: step)
      losses += try withTorchErrors {
        try noGrad { try readLosses(batches.compactMap { try task.loss(of: $0, denominators) }).batches }
      }
    }
    return try sum(losses, task.lossTerms, task.measurementNames).losses
  }

  /// Takes the loss and notes whether it is the best so far.
  func validate(_ validation: PeriodicValidation, _ run: Run) throws -> ValidationMetrics {
    let start = ContinuousClock.now
    module.setTraining(false)
    defer { module.setTraining(true) }
    let found = try validation.losses()
    let judged = validation.earlyStop?.judged(found) ?? found.loss
    let best = validation.earlyStop?.measurement == nil ? progress.best?.loss : progress.validations.min()
    let isBest = judged.isFinite && judged < best ?? .infinity
    progress.validations.append(judged.isNaN ? .infinity : judged)
    if isBest { progress.best = BestStep(step: progress.step, loss: found.loss) }
    return ValidationMetrics(
      step: progress.step, epoch: run.epoch(after: progress.step), loss: found.loss, lossTerms: found.lossTerms,
      measurements: found.means,
      isBest: isBest, seconds: seconds(since: start))
  }
}
