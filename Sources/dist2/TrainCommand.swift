// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports
import TokenData

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

  /// Settings of the run file, or of one that was made for a table.
  func settings(file: String? = nil) throws -> RunSettings {
    var settings = try RunSettings(file: file ?? run, overrides: overrides)
    if skipBad { settings.data.skipBad = true }
    if let output { settings.output = output }
    return settings
  }
}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tune a model on your own data, as a run file says, or on a table.",
    discussion: """
      A table (CSV, TSV, a JSON array, JSON lines) in place of the run file: run file and splits are made as by dist2 \
      init, the model is trained, tested and exported, and report.html has it all.

        dist2 train diamonds.csv --target price

      The run's folder holds run.yaml as resolved, metrics.jsonl, TensorBoard events, samples.jsonl, checkpoints and \
      report.html. Ctrl-C writes a checkpoint; the same command goes on from the last one.
      """)
  @OptionGroup var options: RunFileOptions
  @OptionGroup var table: TableOptions

  func run() throws {
    if DataSource(options.run).isData {
      return try TableRun(chosen: options, options: table.options()).run()
    }
    guard table.isEmpty else {
      throw ValidationError("--target, --columns, --decimals, --model and --split-seed are for tables, not run files")
    }
    let terminal = Terminal.standardError
    let artifacts = try trainingArtifacts(options.settings())
    let run = TrainRun(artifacts, command: CommandLine.asTyped, terminal: terminal)
    let finish = try run.runToTheEnd(terminal)
    print("Model:  \(run.chosenCheckpoint(finish))")
    print("Report: \(run.folder.report)")
  }
}
