// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels
import Torch
import TorchNN
import Training

/// The state of a tokenizer's training after its last epoch, in a folder of its own that appears whole or not at all.
struct VQCheckpoints {
  private static let prefix = "epoch-", trainingName = "training.safetensors", stateName = "state.json"

  private let folder: String
  private let trainer: VQTrainer
  private let plan: BatchPlan
  private let lock: FileLock

  init(_ folder: String, _ trainer: VQTrainer, _ plan: BatchPlan) throws {
    try makeFolders(folder)
    (self.folder, self.trainer, self.plan) = (folder, trainer, plan)
    lock = try FileLock(folder: folder)
  }

  /// Writes the state, then removes that of earlier epochs.
  func save(afterEpoch epoch: Int) throws {
    try AtomicFolder.write(to: path(epoch)) { folder in
      try trainer.model.write(into: folder)
      let sources = state.map { SafetensorsSource(name: $0.name, tensor: $0.tensor) }
      try SafetensorsWriter.write(sources, to: "\(folder)/\(Self.trainingName)")
      try AtomicFile.write(identity, to: "\(folder)/\(Self.stateName)")
    }
    try prune(upTo: epoch)
  }

  private func prune(upTo epoch: Int) throws {
    for old in try epochs() where old < epoch { try removeWhole(path(old)) }
  }

  /// Takes up the last state there is.
  ///
  /// - Returns: the epochs done.
  func restore() throws -> Int? {
    guard let epoch = try epochs().last else { return nil }
    let stored = try JSON(
      parsing: fileBytes("\(path(epoch))/\(Self.stateName)"), path: "\(path(epoch))/\(Self.stateName)")
    guard stored == identity else {
      throw InputError(
        path: path(epoch), expected: "a checkpoint of the same run: \(identity.text())", found: stored.text(),
        remedy: "Restore these settings to go on, or choose another folder to begin anew.")
    }
    try copy("\(path(epoch))/model.safetensors", trainer.model.parameters().map { ($0.key, $0.tensor) })
    try copy("\(path(epoch))/\(Self.trainingName)", state)
    try prune(upTo: epoch)  // what a run left that was killed before it came to that
    return epoch
  }

  /// Fingerprint that must be equal for a position to mean something. A run may be made longer, if its rate is
  /// constant.
  private var identity: JSON {
    var options = trainer.options
    let data: JSON = ["count": .int(plan.count), "batch": .int(plan.batch), "seed": .string("\(plan.seed)")]
    if options.schedule == .constant { options.epochs = 0 }
    return ["version": 1, "data": data, "options": .string("\(options)")]
  }

  private var state: [(name: String, tensor: Tensor)] {
    trainer.optimizer.state.map { ("optimizer." + $0.name, $0.tensor) } + trainer.codeBook.state
  }

  private func copy(_ path: String, _ wanted: [(name: String, tensor: Tensor)]) throws {
    let file = try SafetensorsFile(path)
    for (name, tensor) in wanted {
      guard let stored = file[name], stored.shape == tensor.shape else {
        throw InputError(
          path: path, place: "tensor \(name)", expected: "\(tensor.shape)",
          found: file[name].map { "\($0.shape)" } ?? "no such tensor",
          remedy: "The checkpoint is of another model: choose another folder to begin anew.")
      }
      try withTorchErrors { try noGrad { tensor.copy_(try Tensor(stored, copying: true)) } }
    }
  }

  private func path(_ epoch: Int) -> String { "\(folder)/\(Self.prefix)\(epoch)" }

  private func epochs() throws -> [Int] {
    try names(inFolder: folder).compactMap { name in
      guard name.hasPrefix(Self.prefix), let epoch = Int(name.dropFirst(Self.prefix.count)) else { return nil }
      return epoch
    }.sorted()
  }
}
