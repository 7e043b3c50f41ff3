// SPDX-License-Identifier: Apache-2.0
import Files

/// The checkpoints of a run: folders `step-N`, each of which appears whole or not at all.
///
/// `step-N` holds the weights that are trained, the optimizer's state and the losses so far in
/// `training.safetensors`, the position in data, schedule and random numbers in `state.json`, and what `addFiles` puts
/// there. Where all parameters are trained the weights are in `model.safetensors`: with configuration and tokenizer it
/// is a Hugging Face folder, and other programs can load it. Where only adapters are, it is a PEFT folder
/// (`adapter_model.safetensors`, `adapter_config.json`). Where some other parameters are frozen, `trained.safetensors`
/// holds the rest: ``restore(_:fromStep:)`` puts them into the base model.
public final class Checkpoints {
  /// The folder the checkpoints are in.
  public let folder: String
  /// A checkpoint after every so many steps; nil for one at the end only. Whenever a run ends there is one.
  public let stepsBetween: Int?
  /// How many of the latest are kept.
  public let keepLast: Int
  /// Whether the step with the lowest validation loss gets a checkpoint of its own, which is kept as well.
  public let keepsBest: Bool
  /// Whether a run goes on from the last whole checkpoint. Otherwise a folder with checkpoints is refused.
  public let resumes: Bool

  /// Step of the checkpoint that was read or written last.
  private(set) var current: Int?
  private let addFiles: (_ folder: String) throws -> Void
  /// Nil in a process that writes its part into the first one's folder.
  private let lock: FileLock?

  /// Takes hold of a folder, so that no second run can write there, and clears away what a killed one left half done.
  ///
  /// - Throws: `InputError` if the folder cannot be made or another process holds it.
  public init(
    _ folder: String, stepsBetween: Int? = nil, keepLast: Int = 2, keepsBest: Bool = true, resumes: Bool = true,
    addFiles: @escaping (_ folder: String) throws -> Void = { _ in }
  ) throws {
    precondition(stepsBetween ?? 1 > 0 && keepLast > 0, "checkpoints every \(stepsBetween ?? 0), keeping \(keepLast)")
    self.folder = folder
    self.stepsBetween = stepsBetween
    self.keepLast = keepLast
    self.keepsBest = keepsBest
    self.resumes = resumes
    self.addFiles = addFiles
    try makeFolders(folder)
    lock = try FileLock(folder: folder)
    clearLeftovers(inFolder: folder)
  }

  /// The folder of another process, as one that writes its part of each checkpoint there sees it.
  init(ofFirstProcess folder: String, stepsBetween: Int?, keepsBest: Bool) {
    (self.folder, self.stepsBetween, self.keepsBest) = (folder, stepsBetween, keepsBest)
    (keepLast, resumes, addFiles, lock) = (1, true, { _ in }, nil)
  }

  /// Whether this process makes and removes checkpoints.
  var isFirst: Bool { lock != nil }

  /// Steps of which there is a checkpoint, in order.
  public func steps() throws -> [Int] { try names(inFolder: folder).compactMap(Self.step).sorted() }

  /// The folder of a step's checkpoint.
  public func path(ofStep step: Int) -> String { "\(folder)/step-\(step)" }

  /// Whether a checkpoint is to be written now.
  func isDue(_ progress: TrainingProgress) -> Bool {
    if keepsBest, progress.best?.step == progress.step { return true }
    return stepsBetween.map { progress.step.isMultiple(of: $0) } ?? false
  }

  /// Makes a step's checkpoint of what `write` puts into the folder it is given, then drops those no longer wanted.
  func add(step: Int, best: Int?, _ write: (String) throws -> Void) throws {
    try remove(step)  // one that was damaged: the run went on from an earlier one
    try AtomicFolder.write(to: path(ofStep: step)) { folder in
      try addFiles(folder)
      try write(folder)
    }
    current = step
    try prune(best: best)
  }

  /// Notes that all processes go on from a step's checkpoint, or have written it.
  func follow(step: Int) { current = step }

  /// Drops checkpoints that are not wanted any more, also those that a run left which was killed before it came to that.
  func prune(best: Int?) throws {
    let all = try steps()
    let kept = all.suffix(keepLast) + [current, keepsBest ? best : nil].compactMap { $0 }
    for old in all where !kept.contains(old) { try remove(old) }
  }

  /// Reads the last checkpoint that can be read. Those that cannot are passed over, and told why.
  func last<State>(_ read: (String) throws -> State) throws -> (state: State?, damaged: [String]) {
    var damaged: [String] = []
    for step in try steps().reversed() {
      do {
        let state = try read(path(ofStep: step))
        current = step
        return (state, damaged)
      } catch let error as InputError {
        damaged.append(error.description)
      }
    }
    return (nil, damaged)
  }

  /// Removes a checkpoint. It loses its name first, so that a kill half-way leaves no half of it under that name.
  private func remove(_ step: Int) throws { try removeWhole(path(ofStep: step)) }

  private static func step(_ name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == "step-\(step)" else { return nil }
    return step
  }
}
