// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

private let optimizerPrefix = StoredCheckpoint.optimizerPrefix, lossesName = StoredCheckpoint.lossesName

extension TrainingLoop {
  /// Writes a checkpoint of the present step.
  func save(_ run: Run, to checkpoints: Checkpoints) throws -> CheckpointMetrics {
    let start = ContinuousClock.now
    try withTorchErrors {
      if checkpoints.isFirst { try write(run, to: checkpoints) } else { try writePart(to: checkpoints) }
    }
    return CheckpointMetrics(
      step: progress.step, path: checkpoints.path(ofStep: progress.step), seconds: seconds(since: start))
  }

  private func write(_ run: Run, to checkpoints: Checkpoints) throws {
    var state = TrainingState(
      step: progress.step, steps: run.steps, plan: run.plan, seed: options.seed, best: progress.best,
      validations: progress.validations, frozen: storedWeights.frozen, identity: run.identity, parts: nil)
    var training = run.state + [(name: lossesName, tensor: Tensor(progress.losses))]
    if !gradients.sharesUpdates { training = namedOptimizerState + training }
    try checkpoints.add(step: progress.step, best: progress.best?.step) { folder in
      try withPart(in: folder) { parts in
        state.parts = parts
        try storedWeights.write(into: folder, splitWeights)
        try SafetensorsWriter.write(
          training.map { SafetensorsSource(name: $0.name, tensor: $0.tensor) },
          to: "\(folder)/\(StoredCheckpoint.trainingName)")
        try AtomicFile.write(state.json, to: "\(folder)/\(StoredCheckpoint.stateName)")
      }
    }
  }

  /// Goes on from the last whole checkpoint, if there is one and that is wanted. Of several processes the first does.
  ///
  /// - Returns: why later checkpoints were passed over.
  func takeUp(_ checkpoints: Checkpoints, _ run: Run) throws -> [String] {
    guard checkpoints.isFirst, checkpoints.current != progress.step, let last = try checkpoints.steps().last else {
      return []
    }
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

  /// Goes on where the first of several processes does, which alone reads weights. So their number may change. What each
  /// has its part of each reads for itself.
  func followFirstProcess(_ run: Run, _ checkpoints: Checkpoints?) throws {
    let best = progress.best, head = [progress.step, best?.step ?? -1, progress.validations.count]
    let rows = try reducer.gather(head.map(Double.init) + [best?.loss ?? 0])
    guard let first = rows.first, rows.contains(where: { $0[0] != first[0] }) else { return }
    let (step, bestStep, validations) = (Int(first[0]), Int(first[1]), Int(first[2]))
    let isFirst = reducer.rank == 0
    let losses = isFirst ? Tensor(progress.losses) : Tensor.zeros([step], dtype: .float64)
    let scores = isFirst ? Tensor(progress.validations) : Tensor.zeros([validations], dtype: .float64)
    let common =
      storedWeights.whole(splitWeights) + run.state + (gradients.sharesUpdates ? [] : namedOptimizerState)
    try reducer.broadcast(common.map(\.tensor) + [losses, scores])
    progress = TrainingProgress(
      step: step, losses: try losses.values(of: Double.self),
      best: bestStep < 0 ? nil : BestStep(step: bestStep, loss: first[3]),
      validations: try scores.values(of: Double.self))
    if let checkpoints, gradients.sharesUpdates { try takeUpPart(checkpoints) }
  }

  private func restore(_ stored: StoredCheckpoint, _ run: Run) throws {
    try withTorchErrors {
      let losses = Tensor.zeros([stored.state.step], dtype: .float64)
      let training = run.state + [(name: lossesName, tensor: losses)]
      try stored.weights.requireFit(storedWeights.tensors)
      try stored.training.requireFit(training, besides: optimizerPrefix)
      try storedWeights.read(stored.weights, splitWeights)
      try stored.training.copy(into: training)
      try stored.optimizer(parameters.map(\.key)).copy(into: optimizer.state)
      progress = TrainingProgress(
        step: stored.state.step, losses: try losses.values(of: Double.self), best: stored.state.best,
        validations: stored.state.validations)
    }
  }

  /// The optimizer's tensors by their names in a checkpoint that one process writes.
  private var namedOptimizerState: [(name: String, tensor: Tensor)] {
    optimizer.state.map { (optimizerPrefix + $0.name, $0.tensor) }
  }
}
