// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch
public import TorchNN

/// The loop under every training: steps, clipping, the finite check, validation, checkpoints, events, and an end between
/// two steps. What is trained for is a ``TrainingTask``.
public final class TrainingLoop {
  /// Its trainable parameters are updated.
  public let module: Module
  /// How.
  public let options: TrainingOptions
  /// Asked between two steps; true ends the run early, after a last checkpoint. For Ctrl-C and early stopping.
  public var shouldStop: () -> Bool = { false }
  /// Progress so far.
  public internal(set) var progress = TrainingProgress()
  /// Updates the parameters.
  public let optimizer: any Optimizer

  let rule: any OptimizerRule
  let parameters: [NamedParameter]
  let reducer: any Reducer
  let gradients: any StepGradients
  /// Weights of which this process holds its share alone.
  let splitWeights: LayerWeights?
  /// Parts of the module that checkpoints hold.
  let storedWeights: StoredWeights

  /// - Parameters:
  ///   - module: with `options.dtype` its parameters are converted. If none of them is trainable, all will be.
  ///   - optimizer: its settings.
  ///   - reducer: the processes that share a step.
  ///   - storesFrozen: whether checkpoints hold frozen parameters, too: where the task changes some of them itself.
  public init(
    _ module: Module, _ optimizer: any OptimizerRule, options: TrainingOptions,
    reducer: any Reducer = SingleProcess(), storesFrozen: Bool = false
  ) {
    (self.module, self.options, self.reducer) = (module, options, reducer)
    rule = optimizer
    var prepared = optimizer.prepare(module, dtype: options.dtype)
    parameters = prepared.parameters
    storedWeights = StoredWeights(module, all: storesFrozen)
    gradients = reducer.gradients(of: parameters.map(\.tensor), in: module)
    let layered = gradients as? LayeredGradients
    splitWeights = layered?.weights
    let updated = gradients.parts.map { part in
      prepared.optimized[part.parameter].part(part.range, in: layered?.memory(of: part))
    }
    prepared.optimized = []  // Masters of whole parameters, where a part is updated, end before there are moments.
    self.optimizer = optimizer.makeOptimizer(for: updated)
  }

  /// Trains from where ``progress`` stands (or the last whole checkpoint, if it is to go on from that) to the end.
  ///
  /// - Parameters:
  ///   - task: examples and their loss.
  ///   - validation: examples scored now and then.
  ///   - checkpoints: where to save what is needed to go on, and when. Of several processes only the first has them: the
  ///     others go on from where it does.
  ///   - observe: is told what happens, in the order it happens. What it throws ends the run.
  /// - Throws: ``TrainingError`` before an update that would destroy the model, `InputError` if examples cannot be
  ///   read or a checkpoint cannot be written, `TorchError` if an operation fails (a shape, no memory left).
  /// - Returns: how the run ended, as in its last event.
  @discardableResult
  public func fit(
    _ task: some TrainingTask, validation: PeriodicValidation? = nil, checkpoints: Checkpoints? = nil,
    _ observe: (TrainingEvent) throws -> Void = { _ in }
  ) throws -> FinishMetrics {
    let run = Run(task, options), start = ContinuousClock.now, wasDeterministic = Torch.isDeterministic
    // A resumed run is to equal one that was not interrupted; a GPU's fastest algorithms do not even repeat themselves.
    if parameters.contains(where: { $0.tensor.device != .cpu }) { Torch.isDeterministic = true }
    module.setTraining(true)
    defer {
      module.setTraining(false)
      Torch.isDeterministic = wasDeterministic
    }
    let checkpoints = try withTorchErrors { try shared(checkpoints) }
    let damaged = try checkpoints.map { checkpoints in try withTorchErrors { try takeUp(checkpoints, run) } } ?? []
    try withTorchErrors { try followFirstProcess(run, checkpoints) }
    try observe(.started(startMetrics(run, damaged)))
    try withTorchErrors { try task.willStart(at: progress.step) }
    var isOver: Bool { validation?.earlyStop?.ends(after: progress.validations) ?? false }
    while progress.step < run.steps, !isOver, let metrics = try step(task, run) {
      let isLast = progress.step >= run.steps
      if isLast || progress.step.isMultiple(of: options.stepsPerEvent) { try observe(.step(metrics)) }
      if let validation, isLast || progress.step.isMultiple(of: validation.stepsBetween) {
        try observe(.validation(validate(validation, run)))
      }
      if let checkpoints, checkpoints.isDue(progress) { try observe(.checkpoint(save(run, to: checkpoints))) }
    }
    if let checkpoints, checkpoints.current != progress.step {
      try observe(.checkpoint(save(run, to: checkpoints)))
    }
    let finish = FinishMetrics(
      reason: progress.step >= run.steps ? .completed : isOver ? .stoppedEarly : .stopped, step: progress.step,
      losses: progress.losses, best: progress.best, seconds: seconds(since: start))
    try observe(.finished(finish))
    try withTorchErrors { try splitWeights?.settle() }
    return finish
  }

  private func startMetrics(_ run: Run, _ damaged: [String]) -> StartMetrics {
    var counted = Set<ObjectIdentifier>()
    let all = module.parameters().filter { counted.insert(ObjectIdentifier($0.tensor)).inserted }
    return StartMetrics(
      step: progress.step, steps: run.steps, stepsPerEpoch: run.plan.stepsPerEpoch, examples: run.plan.count,
      trainableParameters: parameters.reduce(0) { $0 + $1.tensor.count },
      parameters: all.reduce(0) { $0 + $1.tensor.count }, damagedCheckpoints: damaged)
  }
}

/// What one call of ``TrainingLoop/fit(_:validation:checkpoints:_:)`` works on, apart from the examples themselves.
struct Run {
  let plan: BatchPlan
  let steps: Int
  /// ``TrainingTask/state``
  let state: [(name: String, tensor: Tensor)]
  /// ``TrainingTask/identity``
  let identity: String?

  init(_ task: some TrainingTask, _ options: TrainingOptions) {
    (plan, steps) = (task.plan, options.length.steps(of: task.plan))
    (state, identity) = (task.state, task.identity)
  }

  /// Epochs done after so many steps.
  func epoch(after step: Int) -> Double { Double(step) / Double(plan.stepsPerEpoch) }
}

/// Progress of a run.
public struct TrainingProgress: Sendable, Hashable {
  /// Optimizer steps done.
  public internal(set) var step = 0
  /// Loss of each of them.
  public internal(set) var losses: [Double] = []
  /// The step with the lowest validation loss, or the best of what is judged in its place.
  public internal(set) var best: BestStep?
  /// Loss of every validation in order, or what is judged in its place (``EarlyStop/measurement``).
  public internal(set) var validations: [Double] = []
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
