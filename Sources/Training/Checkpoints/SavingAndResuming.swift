// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

private let optimizerPrefix = "optimizer.", lossesName = StoredCheckpoint.lossesName

extension Trainer {
  /// Writes a checkpoint of the present step.
  func save(_ run: Run, to checkpoints: Checkpoints) throws -> CheckpointMetrics {
    let start = ContinuousClock.now
    let training = optimizerState + [(name: lossesName, tensor: Tensor(progress.losses))]
    let state = TrainingState(
      step: progress.step, steps: run.steps, plan: run.source.plan, seed: options.seed, best: progress.best,
      validations: progress.validations, frozen: storedWeights.frozen)
    try checkpoints.add(step: progress.step, best: progress.best?.step) { folder in
      try storedWeights.write(into: folder)
      try write(training, to: "\(folder)/\(StoredCheckpoint.trainingName)")
      try AtomicFile.write(state.json, to: "\(folder)/\(StoredCheckpoint.stateName)")
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
    try stored.requireSameRun(run.source.plan, seed: options.seed, storedWeights)
    try restore(stored)
    try checkpoints.prune(best: progress.best?.step)
    return damaged
  }

  private func restore(_ stored: StoredCheckpoint) throws {
    try withTorchErrors {
      let losses = Tensor.zeros([stored.state.step], dtype: .float64)
      let training = optimizerState + [(name: lossesName, tensor: losses)]
      try stored.weights.requireFit(storedWeights.tensors)
      try stored.training.requireFit(training)
      try stored.weights.copy(into: storedWeights.tensors)
      try stored.training.copy(into: training)
      progress = TrainingProgress(
        step: stored.state.step, losses: try losses.values(of: Double.self), best: stored.state.best,
        validations: stored.state.validations)
    }
  }

  private func write(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
    try SafetensorsWriter.write(tensors.map { SafetensorsSource(name: $0.name, tensor: $0.tensor) }, to: path)
  }

  private var optimizerState: [(name: String, tensor: Tensor)] {
    optimizer.state.map { (optimizerPrefix + $0.name, $0.tensor) }
  }
}
