// SPDX-License-Identifier: Apache-2.0
public import Objectives
import Torch
public import TorchNN

/// Trains a model: one loop, whose parts are swapped instead of copied.
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
  /// How.
  public let options: TrainingOptions
  /// Asked between two steps; true ends the run early, after a last checkpoint. For Ctrl-C and early stopping.
  public var shouldStop: () -> Bool = { false }
  /// Other models that the objective reads (`TrainingObjective.companions`), by name. They get no gradient.
  public var companions: [String: ReferenceModel] = [:]
  /// Progress so far.
  public internal(set) var progress = TrainingProgress()

  let rule: any OptimizerRule
  let optimizer: any Optimizer
  let parameters: [NamedParameter]
  let reducer: any Reducer
  var gradients: Gradients
  /// Parts of the model that checkpoints hold.
  private(set) lazy var storedWeights = StoredWeights(model)

  /// - Parameters:
  ///   - model: with `options.dtype` its parameters are converted. If none of them is trainable, all will be.
  ///   - optimizer: its settings.
  ///   - reducer: sums over the processes that share a step.
  public init(
    _ model: any TokenModel, _ objective: any TrainingObjective, _ optimizer: any OptimizerRule,
    options: TrainingOptions = TrainingOptions(), reducer: any Reducer = SingleProcess()
  ) {
    self.model = model
    self.objective = objective
    self.options = options
    self.reducer = reducer
    rule = optimizer
    (parameters, self.optimizer) = optimizer.prepare(model, dtype: options.dtype)
    gradients = Gradients(parameters.map(\.tensor))
  }

  /// Trains from where ``progress`` stands (or the last whole checkpoint, if it is to go on from that) to the end.
  ///
  /// - Parameters:
  ///   - source: the examples, in batches.
  ///   - validation: examples scored now and then.
  ///   - checkpoints: where to save what is needed to go on, and when.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: ``TrainingError`` before an update that would destroy the model, `InputError` if examples cannot be
  ///   read or a checkpoint cannot be written, `TorchError` if an operation fails (a shape, no memory left).
  /// - Returns: how the run ended, as in its last event.
  @discardableResult
  public func fit(
    _ source: any BatchSource, validation: Validation? = nil, checkpoints: Checkpoints? = nil,
    _ observe: (TrainingEvent) throws -> Void = { _ in }
  ) throws -> FinishMetrics {
    let run = Run(source: source, steps: options.length.steps(of: source.plan))
    let start = ContinuousClock.now
    model.setTraining(true)
    defer { model.setTraining(false) }
    let damaged = try checkpoints.map { checkpoints in try withTorchErrors { try takeUp(checkpoints, run) } } ?? []
    try observe(.started(startMetrics(run, damaged)))
    var isOver: Bool { validation?.earlyStop?.ends(after: progress.validations) ?? false }
    while progress.step < run.steps, !isOver, !shouldStop() {
      let metrics = try step(run)
      let isLast = progress.step >= run.steps
      if isLast || progress.step.isMultiple(of: options.stepsPerEvent) { try observe(.step(metrics)) }
      if let validation, isLast || progress.step.isMultiple(of: validation.stepsBetween) {
        try observe(.validation(validate(validation.source, run)))
      }
      if let checkpoints, checkpoints.isDue(progress) {
        try observe(.checkpoint(withTorchErrors { try save(run, to: checkpoints) }))
      }
    }
    if let checkpoints, checkpoints.current != progress.step {
      try observe(.checkpoint(withTorchErrors { try save(run, to: checkpoints) }))
    }
    let finish = FinishMetrics(
      reason: progress.step >= run.steps ? .completed : isOver ? .stoppedEarly : .stopped, step: progress.step,
      losses: progress.losses,
      best: progress.best, seconds: seconds(since: start))
    try observe(.finished(finish))
    return finish
  }

  private func startMetrics(_ run: Run, _ damaged: [String]) -> StartMetrics {
    var counted = Set<ObjectIdentifier>()
    let all = model.parameters().filter { counted.insert(ObjectIdentifier($0.tensor)).inserted }
    return StartMetrics(
      step: progress.step, steps: run.steps, stepsPerEpoch: run.source.plan.stepsPerEpoch,
      examples: run.source.plan.count, trainableParameters: parameters.reduce(0) { $0 + $1.tensor.count },
      parameters: all.reduce(0) { $0 + $1.tensor.count }, damagedCheckpoints: damaged)
  }
}

/// State of one call of ``Trainer/fit(_:validation:checkpoints:shouldStop:_:)`` works on.
struct Run {
  let source: any BatchSource
  let steps: Int

  /// Epochs done after so many steps.
  func epoch(after step: Int) -> Double { Double(step) / Double(source.plan.stepsPerEpoch) }
}

/// Progress of a run.
public struct TrainingProgress: Sendable, Hashable {
  /// Optimizer steps done.
  public internal(set) var step = 0
  /// Loss of each of them.
  public internal(set) var losses: [Double] = []
  /// The step with the lowest validation loss.
  public internal(set) var best: BestStep?
  /// Loss of every validation, in order.
  public internal(set) var validations: [Double] = []
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
