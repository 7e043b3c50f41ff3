import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// One optimizer step: micro-batches → losses and gradients → norm → finite check → update.
  func step(_ run: Run) throws -> StepMetrics {
    let start = ContinuousClock.now
    let place = run.source.plan.place(ofStep: progress.step)
    let batches = try supervised(run.source.batches(ofStep: progress.step))
    let denominators = try denominators(for: batches)
    var random = CounterGenerator(options.seed, UInt64(progress.step))
    Torch.seed(random.next())
    defer { gradients.clear() }

    let (losses, norm) = try withTorchErrors {
      var values: [LossValue] = []
      for batch in batches {
        let value = try loss(of: batch, denominators)
        value.total.backward()
        gradients.collect()
        values.append(value.detached)
      }
      try reducer.sum_(gradients.all)
      return readLosses(values, norm: gradientNorms(gradients.all).total)
    }
    let total = try losses.sum(reducer)
    guard total.loss.isFinite, norm.isFinite else {
      throw explain(losses, norm, batches, denominators, epoch: place.epoch)
    }

    let factor = clipFactor(norm: norm, limit: options.gradientNormLimit)
    let rate = options.schedule.factor(step: progress.step, of: run.steps)
    try withTorchErrors {
      optimizer.update(gradients: gradients.all, gradientFactor: factor, learningRateFactor: rate)
    }
    progress.step += 1
    progress.losses.append(total.loss)
    return StepMetrics(
      step: progress.step, epoch: run.epoch(after: progress.step), loss: total.loss, summands: total.summands,
      learningRate: rule.learningRate * rate, gradientNorm: norm,
      tokens: batches.reduce(0) { $0 + $1.lengths.reduce(0, +) },
      supervisedTokens: batches.reduce(0) { $0 + $1.supervision.labels.count }, seconds: seconds(since: start))
  }
}
