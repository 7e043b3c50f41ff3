// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch
import TorchNN

extension Trainer {
  /// The objective over all of a source's examples, as if they were one batch, without changing anything.
  func validate(_ source: any BatchSource, _ run: Run) throws -> ValidationMetrics {
    let start = ContinuousClock.now
    model.setTraining(false)
    defer { model.setTraining(true) }
    // The denominators are plain counts, so a first pass over the examples (not through the model) knows them.
    let steps = 0..<source.plan.stepsPerEpoch
    var whole = objective.denominators(of: [])
    for step in steps {
      whole = whole + objective.denominators(of: try source.supervisions(ofStep: step))
    }
    let denominators = try denominators(over: whole)

    var losses: [BatchLosses] = []
    for step in steps {
      let batches = try source.batches(ofStep: step)
      losses += try withTorchErrors {
        try noGrad {
          let values = try batches.compactMap { try loss(of: $0, denominators) }
          return values.isEmpty ? [] : try readLosses(values).batches
        }
      }
    }
    let sum = try sum(losses)
    let isBest = sum.loss.isFinite && sum.loss < progress.best?.loss ?? .infinity
    progress.validations.append(sum.loss)
    if isBest { progress.best = BestStep(step: progress.step, loss: sum.loss) }
    return ValidationMetrics(
      step: progress.step, epoch: run.epoch(after: progress.step), loss: sum.loss, lossTerms: sum.lossTerms,
      measurements: sum.means,
      isBest: isBest, seconds: seconds(since: start))
  }
}
