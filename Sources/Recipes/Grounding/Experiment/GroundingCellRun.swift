import Files
import Foundation
import Torch
import Training

/// Runs one cell of a grounding experiment's folder and keeps its result; tells its progress on standard output.
///
/// - Throws: `InputError` for a folder or cell that is not there, and what training and answering throw.
public func runGroundingCell(named name: String, folder: String, threads: Int) throws {
  let store = try CellStore<GroundingSettings, GroundingResult>(folder: folder)
  Torch.threads = threads
  let material = GroundingMaterial(folder: store.folder, settings: store.settings)
  if let seed = store.settings.seeds.first(where: { GroundingSettings.schooling(seed: $0) == name }) {
    return try store.keep(.schooled(losses: try material.school(seed: seed) { $0.send() }), of: name)
  }
  let cell = try store.cell(named: name, among: store.settings.cells) { $0.name }
  let run = GroundingCellRun(material: material, cell: cell, output: try store.freshRun(of: name))
  try store.keep(.answered(try run.outcome { $0.send() }), of: name)
}

private struct GroundingCellRun {
  let material: GroundingMaterial
  let cell: GroundingCell
  let output: String

  func outcome(_ report: @escaping (WorkerMessage) -> Void) throws -> GroundingCellOutcome {
    let data = try material.trainingFile(cell)
    let settings = try material.settings.run(
      cell, model: material.model(seed: cell.seed), data: data.path, output: output, examples: data.count)
    let parts = try RunParts(settings), training = TrainRun(parts, command: "", terminal: .silent)
    training.keepsCheckpoints = false
    var losses = [Double](), steps = 1
    // An answer takes about as long as an example in training, so answering counts a tenth.
    func total() -> Int { steps + steps / 10 + 1 }
    training.observe = { event in
      switch event {
      case .started(let start): steps = start.steps
      case .step(let step):
        losses.append(step.loss)
        report(WorkerMessage(phase: "training", completed: step.step, total: total(), loss: step.loss))
      default: break
      }
    }
    let trained = try training.train()
    report(WorkerMessage(phase: "answering", completed: steps, total: total()))
    let start = ProcessInfo.processInfo.systemUptime
    let evaluation = GroundingEvaluation(parts, trained.model, material.settings.form)
    var answers = [String: [String]]()
    for split in try material.splits() {
      answers[split] = try evaluation.outcomes(material.file(split)).map(\.answer)
    }
    report(WorkerMessage(phase: "done", completed: total(), total: total()))
    return GroundingCellOutcome(
      cell: cell, answers: answers, losses: losses, examples: data.count, trainingSeconds: trained.finish.seconds,
      answeringSeconds: ProcessInfo.processInfo.systemUptime - start)
  }
}
