// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

/// A checkpoint whose files are all there and whole.
struct StoredCheckpoint {
  static let trainingName = "training.safetensors", stateName = "state.json", lossesName = "losses"
  static let optimizerPrefix = "optimizer."

  let path: String
  let state: TrainingState
  /// Parts of the model in `weights`.
  let part: StoredWeights.Part
  let weights: SafetensorsFile, training: SafetensorsFile
  /// The optimizer's state, if it was written by several processes.
  private let parts: OptimizerParts?

  /// - Parameter wanted: the part that is expected; the error names its file if there is none.
  init(_ path: String, wanted: StoredWeights.Part) throws {
    self.path = path
    state = try TrainingState("\(path)/\(Self.stateName)")
    let present = try names(inFolder: path)
    part = StoredWeights.Part.allCases.first { present.contains($0.rawValue) } ?? wanted
    weights = try SafetensorsFile("\(path)/\(part.rawValue)")
    training = try SafetensorsFile("\(path)/\(Self.trainingName)")
    parts = try state.parts.map { try OptimizerParts(folder: path, count: $0) }
    try requireStep()
  }

  /// The step that is stated must be that of the folder's name and have as many losses, before anything is made of that
  /// size.
  private func requireStep() throws {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let place = "\(path)/\(Self.stateName)"
    guard name == "step-\(state.step)" else {
      throw InputError(path: place, place: "key step", expected: "that of the folder \(name)", found: "\(state.step)")
    }
    guard let losses = training[Self.lossesName], losses.shape == [state.step] else {
      throw InputError(
        path: training.file.path, place: "tensor \(Self.lossesName)", expected: "\(state.step) losses, one a step",
        found: training[Self.lossesName].map { "shape \($0.shape)" } ?? "no such tensor")
    }
  }

  /// The optimizer's state, from whichever processes.
  ///
  /// - Parameter keys: names of the trained parameters.
  func optimizer(_ keys: [String]) -> OptimizerParts {
    parts ?? OptimizerParts(whole: training, prefix: Self.optimizerPrefix, keys: keys)
  }

  /// The order of the data must be that of the run's beginning, or its position means nothing.
  func requireSame(_ run: Run, seed: UInt64, _ model: StoredWeights) throws {
    let old = state.plan, plan = run.plan
    let differences = [
      old.count == plan.count ? nil : "\(old.count) examples, now \(plan.count)",
      old.batch == plan.batch ? nil : "batches of \(old.batch), now \(plan.batch)",
      old.isShuffled == plan.isShuffled
        ? nil : old.isShuffled ? "shuffled data, now not" : "data in order, now shuffled",
      old.seed == plan.seed ? nil : "data seed \(old.seed), now \(plan.seed)",
      state.seed == seed ? nil : "seed \(state.seed), now \(seed)",
      part == model.part ? nil : "weights in \(part.rawValue), now in \(model.part.rawValue)",
      part != model.part || state.frozen == model.frozen ? nil : "other frozen weights",
      state.identity == run.identity
        ? nil : "settings \(state.identity ?? "of another task"), now \(run.identity ?? "of another task")",
    ].compactMap { $0 }
    guard differences.isEmpty else {
      throw InputError(
        path: "\(path)/\(Self.stateName)", expected: "a checkpoint of the same run",
        found: "one with " + differences.joined(separator: "; "),
        remedy: "Restore these settings to go on, or choose another folder to begin anew.")
    }
  }
}

extension SafetensorsFile {
  /// Throws unless the file has exactly these tensors, of these shapes and, if that matters, types.
  ///
  /// - Parameter prefix: of names that are not looked at.
  func requireFit(
    _ wanted: [(name: String, tensor: Tensor)], ofAnyType: Bool = false, besides prefix: String? = nil
  ) throws {
    func misfit(_ name: String, expected: String, found: String) -> InputError {
      InputError(
        path: file.path, place: "tensor \(name)", expected: expected, found: found,
        remedy: "The checkpoint is of another model or optimizer: choose another folder to begin anew.")
    }
    for (name, tensor) in wanted {
      let expected = "\(tensor.dtype.safetensorsType.rawValue) \(tensor.shape)"
      guard let stored = self[name] else { throw misfit(name, expected: expected, found: "no such tensor") }
      if ofAnyType, stored.shape == tensor.shape { continue }
      let found = "\(stored.type.rawValue) \(stored.shape)"
      guard found == expected else { throw misfit(name, expected: expected, found: found) }
    }
    let names = Set(wanted.map(\.name))
    if let extra = tensors.first(where: { tensor in
      !names.contains(tensor.name) && !(prefix.map { tensor.name.hasPrefix($0) } ?? false)
    }) {
      throw misfit(extra.name, expected: "only tensors that are in use", found: "one that is not")
    }
  }

  /// Copies the stored values into tensors in use, which stay where they are.
  func copy(into wanted: [(name: String, tensor: Tensor)]) throws {
    try noGrad {
      for (name, tensor) in wanted {
        if let stored = self[name] { tensor.copy_(try Tensor(stored, copying: true)) }
      }
    }
  }
}
