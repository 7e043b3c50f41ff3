public import ArgumentParser
import Files
import Foundation
public import Recipes
import Reports

extension GroundingSettings.Scale: ExpressibleByArgument {}

struct GroundingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grounding",
    abstract: "Boxes of what is referred to (section 3.2, Table 1): sft, vocab and dist by data size.",
    discussion: """
      By default on rendered scenes with a small model that starts from nothing; --data and --pictures take RefCOCO or \
      pictures of one's own, --model a checkpoint that sees (docs/grounding.md). Cells are kept one by one: the same \
      command goes on where it was interrupted, and reports what is finished with --report.
      """)
  @Option(
    help:
      "How much: tiny (a minute, says nothing), small (half an hour of two cores), paper (the paper's schedule, for a GPU)."
  )
  var scale: GroundingSettings.Scale = .small
  @Option(help: "Files of rows, comma separated; split train is learnt from, the others are tests. Default: scenes.")
  var data: String?
  @Option(help: "Folder of the rows' pictures. Default: that of each file.", completion: .directory)
  var pictures: String?
  @Option(help: "Folder of a model that sees. Default: a fresh small one for each seed.") var model: String?
  @Option(
    help: "Side of the pictures that a fresh model reads, in pixels: a multiple of 16.",
    transform: whole(OptionRange.sides)) var side: Int?
  @OptionGroup var arms: ArmOptions
  @Option(help: "Expressions asked of each split at most.", transform: whole(OptionRange.counts)) var test: Int?
  @Option(help: "Training steps at least, however few expressions there are.", transform: whole(OptionRange.counts))
  var leastSteps: Int?
  @Option(help: "What is asked, {} for the expression.") var question: String?
  @OptionGroup var jobs: JobOptions
  @Option(name: .shortAndLong, help: "Folder for results; a run that was interrupted goes on there.") var output:
    String?
  @Flag(help: "Run nothing; report what is finished.") var report = false

  func validate() throws {
    guard question?.contains("{}") ?? true else { throw ValidationError("--question: expected text with {} in it") }
    guard side.map({ $0 % 16 == 0 }) ?? true else {
      throw ValidationError("--side: expected a multiple of 16")
    }
  }

  func run() throws {
    let settings = try settings(), folder = output ?? "runs/grounding-\(scale.rawValue)"
    let experiment = try GroundingExperiment(folder: folder, settings: settings)
    if !report {
      try experiment.prepare()
      let (jobs, threads) = jobs.division(of: settings.cells.count)
      try experiment.run(jobs: jobs) {
        CellOptions.command("reproduce", "grounding-cell", folder: folder, cell: $0, threads: threads)
      }
    }
    print(try experiment.report(command: CommandLine.asTyped).text(.standardOutput))
    print("Report: \(folder)/report.html")
  }

  private func settings() throws -> GroundingSettings {
    let rows = data.map { text in
      GroundingSettings.Source.rows(
        text.split(separator: ",").map { absolutePath(String($0)) }, pictures: pictures.map { absolutePath($0) })
    }
    if scale == .paper, rows == nil || model == nil {
      throw ValidationError("--scale paper needs --data and --model: RefCOCO's rows and a published checkpoint")
    }
    var settings = GroundingSettings(scale, source: rows, model: try model.map { try modelFolder($0) })
    try arms.apply(presets: &settings.presets, sizes: &settings.sizes, seeds: &settings.seeds)
    if let question { settings.form = GroundingForm(question: question) }
    settings.side = side ?? settings.side
    settings.testExpressions = test ?? settings.testExpressions
    settings.leastSteps = leastSteps ?? settings.leastSteps
    settings.overrides = arms.overrides
    return settings
  }
}

/// One training run in a process of its own.
struct GroundingCellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "grounding-cell", shouldDisplay: false)
  @OptionGroup var options: CellOptions
  func run() throws {
    try runGroundingCell(named: options.cell, folder: options.folder, threads: options.threads)
  }
}
