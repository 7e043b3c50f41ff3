// SPDX-License-Identifier: Apache-2.0
public import Objectives
import Torch
public import TorchNN

/// Trains a token model: a ``TrainingLoop`` whose parts are swapped instead of copied.
///
///     let trainer = Trainer(model, objective, AdamW(learningRate: 2e-5))
///     try trainer.fit(ExampleBatches(examples, plan: BatchPlan(count: examples.count, batch: 8))) { event in
///       print(event)
///     }
///
/// It trains where the model is: on the device and in the type of its parameters (``TrainingOptions/dtype``).
public final class Trainer {
  /// Trained variants.
  public let model: any TokenModel
  /// Loss to minimise.
  public let objective: any TrainingObjective
  /// Other models that the objective reads (`TrainingObjective.referenceModels`), by name. They get no gradient.
  public var referenceModels: [String: ReferenceModel] = [:]
  private let loop: TrainingLoop
  /// Shared by training and validation.
  private let anchor: RunningAnchor?

  /// How.
  public var options: TrainingOptions { loop.options }
  /// Updates the parameters, or this process's share of them.
  public var optimizer: any Optimizer { loop.optimizer }
  /// Progress so far.
  public var progress: TrainingProgress { loop.progress }
  /// Asked between two steps; true ends the run early, after a last checkpoint. For Ctrl-C and early stopping.
  public var shouldStop: () -> Bool {
    get { loop.shouldStop }
    set { loop.shouldStop = newValue }
  }

  /// - Parameters:
  ///   - model: with `options.dtype` its parameters are converted. If none of them is trainable, all will be.
  ///   - optimizer: its settings.
  ///   - reducer: the processes that share a step.
  public init(
    _ model: any TokenModel, _ objective: any TrainingObjective, _ optimizer: any OptimizerRule,
    options: TrainingOptions = TrainingOptions(), reducer: any Reducer = SingleProcess()
  ) {
    (self.model, self.objective, anchor) = (model, objective, RunningAnchor(objective))
    loop = TrainingLoop(model, optimizer, options: options, reducer: reducer)
  }

  /// Trains from where ``progress`` stands to the end: ``TrainingLoop/fit(_:validation:checkpoints:_:)``.
  ///
  /// - Parameters:
  ///   - source: the examples, in batches.
  ///   - validation: examples scored now and then.
  ///   - checkpoints: where to save what is needed to go on, and when. Of several processes only the first has them: the
  ///     others go on from where it does.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: ``TrainingError`` before an update that would destroy the model, `InputError` if examples cannot be
  ///   read or a checkpoint cannot be written, `TorchError` if an operation fails (a shape, no memory left).
  /// - Returns: how the run ended, as in its last event.
  @discardableResult
  public func fit(
    _ source: any BatchSource, validation: Validation? = nil, checkpoints: Checkpoints? = nil,
    _ observe: (TrainingEvent) throws -> Void = { _ in }
  ) throws -> FinishMetrics {
    let scored = validation.map { [loop] validation in
      let task = task(validation.source)
      return PeriodicValidation(stepsBetween: validation.stepsBetween, earlyStop: validation.earlyStop) {
        try loop.losses(over: task)
      }
    }
    return try loop.fit(task(source), validation: scored, checkpoints: checkpoints, observe)
  }

  private func task(_ source: any BatchSource) -> ObjectiveTask {
    ObjectiveTask(model: model, objective: objective, referenceModels: referenceModels, source: source, anchor: anchor)
  }
}
