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

      Several processes train the same model, each on its part of every step:

        dist2 train run.yaml --processes 4
        torchrun --no-python --nnodes 2 --nproc-per-node 8 … dist2 train run.yaml

      With train.shard each of them holds only its share of the optimizer's state (optimizer: ZeRO 1) and of the \
      gradients (gradients: ZeRO 2, FSDP's SHARD_GRAD_OP).
      """)
  @OptionGroup var options: RunFileOptions
  @OptionGroup var table: TableOptions
  @OptionGroup var processes: ProcessOptions

  func run() throws {
    if DataSource(options.run).isData {
      guard try !processes.areSeveral else {
        throw ValidationError(
          "--processes is for run files: make one by dist2 init \(CommandLine.shellWord(options.run))")
      }
      return try TableRun(chosen: options, options: table.options()).run()
    }
    guard table.isEmpty else {
      throw ValidationError("--target, --columns, --decimals, --model and --split-seed are for tables, not run files")
    }
    let settings = try options.settings()
    try processes.launch(remedy: "The run goes on from its last checkpoint by the same command.")
    try processes.shared { group in
      let run = TrainRun(try trainingArtifacts(settings), command: CommandLine.asTyped, group: group)
      let finish = try run.runToTheEnd()
      guard run.isFirst else { return }
      print("Model:  \(run.chosenCheckpoint(finish))")
      print("Report: \(run.folder.report)")
    }
  }
}
