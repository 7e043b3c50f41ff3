// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

private let optimizerPrefix = "optimizer.", lossesName = StoredCheckpoint.lossesName

extension TrainingLoop {
  /// Writes a checkpoint of the present step.
  func save(_ run: Run, to checkpoints: Checkpoints) throws -> CheckpointMetrics {
    let start = ContinuousClock.now
    try withTorchErrors {
      let state = TrainingState(
        step: progress.step, steps: run.steps, plan: run.plan, seed: options.seed, best: progress.best,
        validations: progress.validations, frozen: storedWeights.frozen, identity: run.identity)
      let training = tensors(of: run) + [(name: lossesName, tensor: Tensor(progress.losses))]
      try checkpoints.add(step: progress.step, best: progress.best?.step) { folder in
        try storedWeights.write(into: folder)
        try SafetensorsWriter.write(
          training.map { SafetensorsSource(name: $0.name, tensor: $0.tensor) },
          to: "\(folder)/\(StoredCheckpoint.trainingName)")
        try AtomicFile.write(state.json, to: "\(folder)/\(StoredCheckpoint.stateName)")
      }
    }
    return CheckpointMetrics(
      step: progress.step, path: checkpoints.path(ofStep: progress.step), seconds: seconds(since: start))
  }

  /// Goes on from the last whole checkpoint, if there is one and that is wanted.
  ///
  /// - Returns: why later checkpoints were passed over.
  func takeUp(_ checkpoints: Checkpoints, _ run: Run) throws -> [String] {
    guard checkpoints.current != progress.step, let last = try checkpoints.steps().last else { return [] }
    guard checkpoints.resumes, progress.step == 0 else {
      throw InputError(
        path: checkpoints.folder, expected: "a folder without checkpoints", found: "step-\(last) of another run",
        remedy: "Go on from it, or choose another folder.")
    }
    let (stored, damaged) = try checkpoints.last { try StoredCheckpoint($0, wanted: storedWeights.part) }
    guard let stored else {
      throw InputError(
        path: checkpoints.folder, expected: "a checkpoint that can be read",
        found: "none: " + damaged.joined(separator: " "), remedy: "Remove the folder to begin anew.")
    }
    try stored.requireSame(run, seed: options.seed, storedWeights)
    try restore(stored, run)
    try checkpoints.prune(best: progress.best?.step)
    return damaged
  }

  /// Goes on where the first of several processes does, which alone has checkpoints. So their number may change.
  func followFirstProcess(_ run: Run) throws {
    let best = progress.best, head = [progress.step, best?.step ?? -1, progress.validations.count]
    let rows = try reducer.gather(head.map(Double.init) + [best?.loss ?? 0])
    guard let first = rows.first, rows.contains(where: { $0[0] != first[0] }) else { return }
    let (step, bestStep, validations) = (Int(first[0]), Int(first[1]), Int(first[2]))
    let isFirst = reducer.rank == 0
    let losses = isFirst ? Tensor(progress.losses) : Tensor.zeros([step], dtype: .float64)
    let scores = isFirst ? Tensor(progress.validations) : Tensor.zeros([validations], dtype: .float64)
    try reducer.broadcast((storedWeights.tensors + tensors(of: run)).map(\.tensor) + [losses, scores])
    progress = TrainingProgress(
      step: step, losses: try losses.values(of: Double.self),
      best: bestStep < 0 ? nil : BestStep(step: bestStep, loss: first[3]),
      validations: try scores.values(of: Double.self))
  }

  private func restore(_ stored: StoredCheckpoint, _ run: Run) throws {
    try withTorchErrors {
      let losses = Tensor.zeros([stored.state.step], dtype: .float64)
      let training = tensors(of: run) + [(name: lossesName, tensor: losses)]
      try stored.weights.requireFit(storedWeights.tensors)
      try stored.training.requireFit(training)
      try stored.weights.copy(into: storedWeights.tensors)
      try stored.training.copy(into: training)
      progress = TrainingProgress(
        step: stored.state.step, losses: try losses.values(of: Double.self), best: stored.state.best,
        validations: stored.state.validations)
    }
  }

  /// Tensors in use that going on needs besides weights: the optimizer's and the task's.
  private func tensors(of run: Run) -> [(name: String, tensor: Tensor)] {
    optimizer.state.map { (optimizerPrefix + $0.name, $0.tensor) } + run.state
  }
}
