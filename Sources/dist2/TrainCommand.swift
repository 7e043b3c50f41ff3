// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports
import Training

/// A run file and what the command line changes of it.
struct RunFileOptions: ParsableArguments {
  @Argument(help: "The run file.", completion: .file(extensions: ["yaml", "yml"])) var run: String
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Replace a key of the run file: --set train.epochs=3. May be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(
    name: [.short, .long], help: "Folder of the run. Default: the run file's `output`, else runs/NAME.",
    completion: .directory)
  var output: String?

  @Flag(help: "Leave out lines that cannot be used, count and list them (data.skipBad).") var skipBad = false

  func settings() throws -> RunSettings {
    var settings = try RunSettings(file: run, overrides: overrides)
    if skipBad { settings.data.skipBad = true }
    if let output { settings.output = output }
    return settings
  }
}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tune a model on your own data, as a run file says.",
    discussion: """
      The run's folder holds run.yaml as resolved, metrics.jsonl, TensorBoard events, samples.jsonl, checkpoints and \
      report.html. Ctrl-C writes a checkpoint; the same command goes on from the last one.
      """)
  @OptionGroup var options: RunFileOptions

  func run() throws {
    let terminal = Terminal.standardError
    let artifacts = try trainingArtifacts(options.settings())
    let run = TrainRun(artifacts, command: CommandLine.asTyped, terminal: terminal)
    Interruption.listen()
    let finish = try run.run()
    guard finish.reason != .stopped else {
      terminal.write("Stopped after step \(finish.step); everything is kept. To go on: \(CommandLine.asTyped)\n")
      throw ExitCode(130)
    }
    print("Model:  \(run.chosenCheckpoint(finish))")
    print("Report: \(run.folder.report)")
  }
}
