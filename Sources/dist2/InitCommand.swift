// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports
import TokenData

/// What is said of a table.
struct TableOptions: ParsableArguments {
  @Option(help: "Of a table: the column to learn.") var target: String?
  @Option(help: "Of a table: the columns to ask from, comma separated. Default: all that say something.")
  var columns: String?
  @Option(help: "Of a table: digits behind the answer's point. Default: those worth a token.", transform: whole(0...12))
  var decimals: Int?
  @Option(help: "Of a table: the model, a folder or a name. Default: SmolLM2-135M-Instruct.") var model: String?
  @Option(help: "Of a table: seed of the splits. Default: 0.", transform: whole(OptionRange.seed)) var splitSeed:
    UInt64 = 0

  /// - Throws: `ValidationError` without a target.
  func options() throws -> TableTask.Options {
    guard let target else { throw ValidationError("--target: name the column to learn") }
    let columns = columns?.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init)
    return TableTask.Options(target: target, columns: columns, decimals: decimals, model: model, seed: splitSeed)
  }

  /// Whether anything is said.
  var isEmpty: Bool { target == nil && columns == nil && decimals == nil && model == nil && splitSeed == 0 }
}

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a run file and splits of a table, having looked at its numbers.",
    discussion: """
      Reads CSV, TSV, JSON lines or a JSON array of flat objects. Rows become prompts and answers by a template that \
      the run file holds, a tenth of them validates and a tenth tests. What was chosen is said, and why.

        dist2 init diamonds.csv --target price
        dist2 train diamonds/diamonds.yaml
      """)
  @Argument(help: "The table, or a pattern in quotes.", completion: .file(extensions: ["csv", "tsv", "json", "jsonl"]))
  var table: String
  @OptionGroup var options: TableOptions
  @Option(name: [.short, .long], help: "The folder to make. Default: the table's name.", completion: .directory)
  var output: String?

  func run() throws {
    let source = DataSource(table), folder = output ?? source.name
    let task = try TableTask(source, options.options())
    let run = try task.write(to: folder, name: source.name, command: CommandLine.asTyped)
    print(try task.text(.standardOutput))
    do { _ = try modelFolder(task.model) } catch {
      Terminal.standardError.note("the model is not there yet. \(error)")
    }
    print("\nRun file: \(run)\nNext:     dist2 inspect \(run), then dist2 train \(run)")
  }
}
