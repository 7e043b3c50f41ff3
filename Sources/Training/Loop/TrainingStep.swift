// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// One optimizer step: micro-batches → losses and gradients → norm → finite check → update.
  func step(_ run: Run) throws -> StepMetrics {
    let start = ContinuousClock.now
    let place = run.source.plan.place(ofStep: progress.step)
    let batches = try run.source.batches(ofStep: progress.step)
    let own = objective.denominators(of: batches.map(\.supervision))
    let denominators = try denominators(over: own)
    guard denominators.supervised > 0 || denominators.weights.contains(where: { $0 > 0 }) else {
      throw TrainingError.nothingSupervised(step: progress.step + 1, examples: batches.flatMap(\.sources))
    }
    var random = CounterGenerator(options.seed, UInt64(progress.step))
    Torch.seed(random.next())
    defer { gradients.clear() }

    let (losses, norm) = try withTorchErrors {
      var values: [LossValue] = []
      for batch in batches {
        try gradients.add {
          guard let value = try loss(of: batch, denominators) else { return }
          value.total.backward()
          values.append(value.detached)
        }
      }
      if values.isEmpty { gradients.zero() }
      try reducer.sum_(gradients.all)
      return try readLosses(values, norm: gradientNorm(gradients.all))
    }
    let total = try sum(losses)
    guard total.loss.isFinite, norm.isFinite else {
      throw explain(losses, batches, denominators, epoch: place.epoch)
    }

    let factor = clipFactor(norm: norm, limit: options.gradientNormLimit)
    let rate = options.schedule.factor(step: progress.step, of: run.steps)
    try withTorchErrors {
      optimizer.update(gradients: gradients.all, gradientFactor: factor, learningRateFactor: rate)
    }
    progress.step += 1
    progress.losses.append(total.loss)
    return StepMetrics(
      step: progress.step, epoch: run.epoch(after: progress.step), loss: total.loss, lossTerms: total.lossTerms,
      measurements: total.means,
      learningRate: rule.learningRate * rate, gradientNorm: norm,
      tokens: batches.reduce(0) { $0 + $1.lengths.reduce(0, +) },
      supervisedTokens: Int(own.supervised), seconds: seconds(since: start))
  }
}
