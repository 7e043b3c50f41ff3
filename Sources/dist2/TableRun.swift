// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports
import TokenData
import Training

/// `dist2 train table.csv --target price`: from a table to a judged, exported model with one page.
struct TableRun {
  /// The table in place of a run file, and what is changed of the file that is made for it.
  let chosen: RunFileOptions
  let options: TableTask.Options

  func run() throws {
    let source = DataSource(chosen.run), terminal = Terminal.standardError
    let task = try TableTask(source, options)
    // Before anything is written: what is set, model and device.
    try task.settings(in: source.name, name: source.name, overrides: chosen.overrides).requireModelAndDevice()
    let file = try task.write(to: source.name, name: source.name, command: "dist2 init \(initArguments)")
    terminal.write(try task.text(terminal) + "\n\nRun file: \(file)\n\n")
    let run = TrainRun(
      try trainingArtifacts(chosen.settings(file: file)), command: CommandLine.asTyped, terminal: terminal)
    let finish = try run.runToTheEnd()

    let choice = try ModelChoice(run.folder.path), artifacts = choice.artifacts
    let exported = run.folder.path + "/model"
    let dataset = try artifacts.dataset(artifacts.settings.data.test ?? source), model = try choice.load()
    let result = try ProgressBar.run("testing", total: dataset.count, unit: "example") { bar in
      try Evaluating(artifacts, model, dataset, run: choice.run) { done, _ in bar.update(completed: done) }
    }
    try result.write(to: run.folder.path + "/predictions-test.jsonl")
    let caption = "\(choice.name) on test, \(result.records.count) examples"
    try run.writeReport(finish) { result.add(to: &$0, caption) }
    _ = try exportModel(choice, to: exported, dtype: .float32, replacing: true)
    print(result.table(caption).text(terminal: .standardOutput))
    if let verdict = result.verdictText { print(Terminal.standardOutput.prose(verdict) + "\n") }
    print("Model:  \(exported)\nReport: \(run.folder.report)")
  }

  /// The same table by `dist2 init`, for the run file's first line: it must not change with options of the training.
  private var initArguments: String {
    var words = [chosen.run, "--target", options.target]
    if let columns = options.columns { words += ["--columns", columns.joined(separator: ",")] }
    if let decimals = options.decimals { words += ["--decimals", "\(decimals)"] }
    if let model = options.model { words += ["--model", model] }
    if options.seed > 0 { words += ["--split-seed", "\(options.seed)"] }
    return words.map(CommandLine.shellWord).joined(separator: " ")
  }
}

extension TrainRun {
  /// Trains; where it is stopped by Ctrl-C says how to go on, and ends the command.
  func runToTheEnd() throws -> FinishMetrics {
    Interruption.listen()
    let finish = try run()
    guard finish.reason != .stopped else {
      terminal.write("Stopped after step \(finish.step); everything is kept. To go on: \(CommandLine.asTyped)\n")
      throw ExitCode(130)
    }
    return finish
  }
}
