import Files
import Foundation
import Tabletop
import Torch
import Training

/// Runs one cell of a manipulation experiment's folder and keeps its result; tells its progress on standard output.
///
/// - Throws: `InputError` for a folder or cell that is not there, and what training and playing throw.
public func runManipulationCell(named name: String, folder: String, threads: Int) throws {
  let store = try CellStore<ManipulationSettings, ManipulationOutcome>(folder: folder)
  let cell = try store.cell(named: name, among: store.settings.cells) { $0.name }
  Torch.threads = threads
  let run = ManipulationCellRun(
    settings: store.settings, cell: cell, folder: store.folder, output: store.run(of: name))
  try store.keep(try run.outcome { $0.send() }, of: name)
  try store.dropCheckpoints(of: name)
}

private struct ManipulationCellRun {
  let settings: ManipulationSettings
  let cell: ManipulationCell
  let folder: String
  let output: String

  /// All of a cell's work, in training steps: a quarter of the time goes into playing, more or less.
  private static func work(_ steps: Int) -> Int { steps + steps / 4 + 1 }

  func outcome(_ report: @escaping (WorkerMessage) -> Void) throws -> ManipulationOutcome {
    let path = settings.dataFile(folder, cell)
    // A model that is asked once never reads a history.
    let writer = ExampleWriter(
      form: settings.form, withHistory: settings.answers > 1, auxiliary: settings.auxiliary ?? [])
    let data = ManipulationData(writer, kinds: settings.kinds)
    let examples = try data.write(.train, episodes: cell.size, from: settings.firstEpisode(cell.seed), to: path)
    let parts = try RunParts(settings.run(cell, data: path, output: output, examples: examples))
    let training = TrainRun(parts, command: "", terminal: .silent)
    var steps = 1
    training.observe = { event in
      switch event {
      case .started(let start): steps = start.steps
      case .step(let step):
        report(WorkerMessage(phase: "training", completed: step.step, total: Self.work(steps), loss: step.loss))
      default: break
      }
    }
    let trained = try training.train()
    let start = ProcessInfo.processInfo.systemUptime
    let trials = try play(PromptedModel(model: trained.model, answering: Answering(parts))) { share in
      let done = steps + Int(share * Double(Self.work(steps) - steps))
      report(WorkerMessage(phase: "playing", completed: done, total: Self.work(steps)))
    }
    report(WorkerMessage(phase: "done", completed: Self.work(steps), total: Self.work(steps)))
    return ManipulationOutcome(
      cell: cell, trials: trials, losses: trained.finish.losses, examples: examples,
      trainingSeconds: trained.finish.seconds,
      playingSeconds: ProcessInfo.processInfo.systemUptime - start)
  }

  /// Lets the model play the test episodes of all levels. Pictures are deleted then: they are many, and can be made again.
  ///
  /// - Parameter onProgress: told how much of it is done at least, 0 … 1: episodes may be over early.
  private func play(_ prompted: PromptedModel, onProgress: @escaping (Double) -> Void) throws -> [PolicyTrial] {
    let most = ManipulationSettings.levels.count * settings.testEpisodes * settings.answers
    var answered = 0
    onProgress(0)
    let test = PolicyTest(form: settings.form, answers: settings.answers)
    let pictures = settings.pictureFolder(folder, cell)
    var played = pictures.map { TablePictures(folder: $0 + "/played") }
    let trials = try ManipulationSettings.levels.flatMap { level in
      try test.play(settings.episodes(level)) { questions in
        try prompted.answers(to: questions, showing: &played) {
          answered += 1
          onProgress(Double(answered) / Double(most))
        }
      }
    }
    if let pictures { try removeTree(pictures) }
    return trials
  }
}
