// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

/// Checkpoints of processes that each have their part of the optimizer's state (``Sharding``): all write into the folder
/// that the first one makes, and it gets its name when all have. A process that dies meanwhile leaves the checkpoint
/// before, whole.
extension TrainingLoop {
  /// The checkpoints that this process takes part in: its own, or those of the first.
  ///
  /// - Throws: `InputError` if the first one's folder is not seen here.
  func shared(_ checkpoints: Checkpoints?) throws -> Checkpoints? {
    guard gradients.sharesUpdates else { return checkpoints }
    let own = reducer.rank == 0 ? checkpoints : nil
    let told = try reducer.gather([
      own == nil ? 0 : 1, Double(own?.stepsBetween ?? 0), own?.keepsBest == true ? 1 : 0,
    ])[0]
    guard told[0] > 0 else { return nil }
    let folder = try tell(own.map { absolutePath($0.folder) })
    try requireShared(folder)
    return own
      ?? Checkpoints(ofFirstProcess: folder, stepsBetween: told[1] > 0 ? Int(told[1]) : nil, keepsBest: told[2] > 0)
  }

  /// Writes what this process has of a checkpoint that the first one makes.
  func writePart(to checkpoints: Checkpoints) throws {
    try withPart(in: nil) { _ in
      if let split = splitWeights { try storedWeights.assist(with: split) }
    }
    checkpoints.follow(step: progress.step)
  }

  /// Writes this process's part of the optimizer's state, if it is in parts, and waits until all have.
  ///
  /// - Parameters:
  ///   - folder: known to the first process alone.
  ///   - body: writes the rest, while the others write their parts. It is given the number of parts.
  func withPart(in folder: String?, _ body: (_ parts: Int?) throws -> Void) throws {
    guard gradients.sharesUpdates else { return try body(nil) }
    let folder = try tell(folder.map { absolutePath($0) }), count = try reducer.gather([0]).count
    try body(count)
    try SafetensorsWriter.write(
      OptimizerParts.sources(of: optimizer.state),
      to: "\(folder)/\(OptimizerParts.fileName(reducer.rank + 1, of: count))")
    _ = try reducer.gather([0])
  }

  /// Reads this process's part of the optimizer's state, however many have written it.
  func takeUpPart(_ checkpoints: Checkpoints) throws {
    let stored = try StoredCheckpoint(checkpoints.path(ofStep: progress.step), wanted: storedWeights.part)
    if reducer.rank > 0, let split = splitWeights { try storedWeights.read(stored.weights, split) }
    try stored.optimizer(parameters.map(\.key)).copy(into: optimizer.state)
    checkpoints.follow(step: progress.step)
  }

  /// All must write where the first does: on one machine, or a file system that all machines have at the same path.
  private func requireShared(_ folder: String) throws {
    let path = "\(folder)/seen-by-all", isFirst = reducer.rank == 0
    let word = try tell(isFirst ? String(UInt64.random(in: 0 ... .max), radix: 16) : nil)
    if isFirst { try AtomicFile.write(word.utf8, to: path) }
    _ = try reducer.gather([0])
    defer { if isFirst { try? removeTree(path) } }
    let found = try? MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) }
    guard found == word else {
      throw InputError(
        path: folder,
        expected: "a folder that all processes have at this path, since each writes its part of a checkpoint",
        found: found == nil ? "none that process 0 writes to" : "one that process 0 does not write to",
        remedy: "Put the run on a file system that all machines share, or set train.shard to none.")
    }
    _ = try reducer.gather([0])
  }

  /// A text of the first process.
  private func tell(_ text: String?) throws -> String { try reducer.union(text.map { [$0] } ?? []).first ?? "" }
}
