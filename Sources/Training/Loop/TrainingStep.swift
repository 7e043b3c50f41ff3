// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch

extension TrainingLoop {
  /// One optimizer step: batches → agreement of the processes → losses and gradients → sums → finite check → clipped
  /// update.
  ///
  /// - Returns: nil, before anything was done, if a process was asked to stop.
  func step<Task: TrainingTask>(_ task: Task, _ run: Run) throws -> StepMetrics? {
    let start = ContinuousClock.now, stops = shouldStop()
    let batches = stops ? [] : try task.batches(ofStep: progress.step)
    let own = StepOpening(
      stops: stops, passes: batches.count, tokens: batches.reduce(0) { $0 + task.tokens(of: $1) },
      denominators: task.denominators(of: batches))
    let whole = try own.agreed(step: progress.step, of: run, by: reducer)
    if whole.stops { return nil }
    guard whole.denominators.supervised > 0 || whole.denominators.weights.contains(where: { $0 > 0 }) else {
      throw TrainingError.nothingSupervised(
        step: progress.step + 1, examples: try reducer.union(batches.flatMap { task.examples(of: $0).map(\.source) }))
    }
    seedGenerators()
    defer { gradients.clear() }

    let passes = try withTorchErrors { try self.passes(task, batches, whole) }
    let (total, norm) = try sum(passes.losses, task.lossTerms, task.measurementNames, norm: passes.norm)
    guard total.loss.isFinite, norm.isFinite else { throw explain(passes, task, batches, whole.denominators, run) }

    let factor = clipFactor(norm: norm, limit: options.gradientNormLimit)
    let rate = options.schedule.factor(step: progress.step, of: run.steps)
    try withTorchErrors {
      optimizer.update(gradients: passes.gradients, gradientFactor: factor, learningRateFactor: rate)
      try gradients.shareUpdates()
    }
    progress.step += 1
    progress.losses.append(total.loss)
    let metrics = StepMetrics(
      step: progress.step, epoch: run.epoch(after: progress.step), loss: total.loss, lossTerms: total.lossTerms,
      measurements: total.means,
      learningRate: rule.learningRate * rate, gradientNorm: norm, tokens: whole.tokens,
      supervisedTokens: Int(whole.denominators.supervised), seconds: seconds(since: start))
    try withTorchErrors { try task.didUpdate(metrics) }
    return metrics
  }

  /// What the passes of a step came to in this process.
  struct Passes<Batch> {
    /// Batches that had something to learn, and the loss of each.
    var batches = [Batch](), losses = [LossMetrics]()
    /// Of the whole step and all processes; see ``StepGradients/finish(passes:)``.
    var gradients = [Tensor?]()
    /// Norm of those, or of this process's share.
    var norm = 0.0
  }

  private func passes<Task: TrainingTask>(
    _ task: Task, _ batches: [Task.Batch], _ whole: StepOpening
  ) throws -> Passes<Task.Batch> {
    var passes = Passes<Task.Batch>(), values = [LossValue]()
    for (index, batch) in batches.enumerated() {
      try gradients.add(isLast: index == batches.count - 1) {
        guard let value = try task.loss(of: batch, whole.denominators) else { return false }
        value.total.backward()
        values.append(value.detached)
        passes.batches.append(batch)
        return true
      }
    }
    passes.gradients = try gradients.finish(passes: whole.passes)
    (passes.losses, passes.norm) = try readLosses(values, norm: gradients.norm(of: passes.gradients))
    return passes
  }

  /// What is random inside the model is a function of seed, step and process.
  private func seedGenerators() {
    let step = UInt64(progress.step)
    var random =
      reducer.rank == 0
      ? CounterGenerator(options.seed, step) : CounterGenerator(options.seed, step, UInt64(reducer.rank))
    Torch.seed(random.next())
  }
}
