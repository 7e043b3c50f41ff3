// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch
import TorchNN

extension TrainingLoop {
  /// Finds out where a loss or gradient ceased to be finite, in whichever process. Slow, but the run ends here.
  func explain<Task: TrainingTask>(
    _ passes: Passes<Task.Batch>, _ task: Task, _ batches: [Task.Batch], _ denominators: Denominators, _ run: Run
  ) -> any Error {
    let epoch = run.plan.place(ofStep: progress.step).epoch
    var found = NonFinite(step: progress.step + 1, epoch: epoch + 1, lossTerms: [], examples: [], parameters: [])
    do {
      for (batch, value) in zip(passes.batches, passes.losses) where !value.loss.isFinite {
        for lossTerm in value.lossTerms where !lossTerm.value.isFinite && !found.lossTerms.contains(lossTerm.name) {
          found.lossTerms.append(lossTerm.name)
        }
        found.examples += try withTorchErrors {
          try noGrad {
            try task.examples(of: batch)
              .filter { !(try task.loss(of: $0.alone, denominators)?.total.item().isFinite ?? true) }.map(\.source)
          }
        }
      }
      let isHere = !found.lossTerms.isEmpty
      found.lossTerms = try reducer.union(found.lossTerms)
      if found.lossTerms.isEmpty {
        let norms = try withTorchErrors { passes.gradients.map { $0?.norm().item() ?? 0 } }
        let own = zip(gradients.parts, norms).filter { !$1.isFinite }.map { parameters[$0.0.parameter].key }
        found.parameters = try reducer.union(own)
      }
      if found.examples.isEmpty, isHere || found.lossTerms.isEmpty {
        found.examples = batches.flatMap { task.examples(of: $0).map(\.source) }
      }
      found.examples = try reducer.union(found.examples)
    } catch {
      return error
    }
    return TrainingError.nonFinite(found)
  }
}
