// SPDX-License-Identifier: Apache-2.0
public import Recipes
import Files
import Reports
import TokenModels
import Training

/// Where one run of an experiment works, and to whom it tells its progress.
public struct RunContext {
  /// The experiment's folder.
  public let folder: String
  /// The run's own name.
  public let name: String
  let tell: (WorkerMessage) -> Void

  /// - Parameter tell: takes every message.
  public init(folder: String, name: String, tell: @escaping (WorkerMessage) -> Void = { _ in }) {
    (self.folder, self.name, self.tell) = (folder, name, tell)
  }

  /// Folder of the run's training, where a run that takes long is resumed from.
  public var output: String { "\(folder)/runs/\(name)" }

  /// The same, emptied: a run that is made again starts anew.
  public func emptyOutput() throws -> String {
    try removeTree(output)
    return output
  }

  /// Tells the progress, in steps of the whole run.
  public func say(_ phase: String, _ completed: Int, of total: Int, loss: Double? = nil) {
    tell(WorkerMessage(phase: phase, completed: completed, total: total, loss: loss))
  }
}

/// A model as the last step of a run file left it.
struct TrainedRun<Artifacts: TrainingArtifacts> {
  let artifacts: Artifacts
  let model: any PretrainedModel
  let folder: RunFolder
  let steps: Int
  let seconds: Double
  /// Total loss of every step.
  let losses: [Double]
  /// Steps of the whole run, with what follows the training.
  let total: Int
  private let context: RunContext

  /// Trains as a run file says, telling every step.
  ///
  /// - Parameters:
  ///   - percent: time of what follows, in per cent of the training's.
  ///   - isResumable: whether checkpoints are kept and gone on from, until the run's outcome is kept.
  ///   - observe: told of every event.
  init(
    _ artifacts: Artifacts, _ context: RunContext, thenPercent percent: Int, isResumable: Bool = false,
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws {
    let training = TrainRun(artifacts, command: "", terminal: .silent)
    training.keepsCheckpoints = isResumable
    var steps = 1
    func total() -> Int { steps + steps * percent / 100 + 1 }
    training.observe = { event in
      if case .started(let start) = event { steps = start.steps }
      if case .step(let step) = event { context.say("training", step.step, of: total(), loss: step.loss) }
      observe(event)
    }
    let (finish, model) = try training.train()
    (self.artifacts, self.model, folder, self.steps, self.total) = (artifacts, model, training.folder, steps, total())
    (seconds, losses, self.context) = (finish.seconds, finish.losses, context)
  }

  /// Trains a model that answers, or has a head of scores.
  init(
    _ settings: RunSettings, _ context: RunContext, thenPercent percent: Int, isResumable: Bool = false,
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws where Artifacts == RunArtifacts {
    try self.init(
      RunArtifacts(settings), context, thenPercent: percent, isResumable: isResumable, observe: observe)
  }

  /// Tells what is done after the training, and which share of that is done.
  func say(_ phase: String, _ done: Int = 0, of all: Int = 1) {
    context.say(phase, min(total, steps + (total - steps) * done / max(1, all)), of: total)
  }
}
