public import ArgumentParser
import Files
import Foundation
import Objectives
public import Recipes
import Reports

struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Redo one of the paper's experiments and set the result beside the paper's own.",
    subcommands: [
      RegressionCommand.self, AblationCommand.self, RewardCommand.self, ImagesCommand.self,
      ProbeCommand.self, CellCommand.self, RewardCellCommand.self, ImageCellCommand.self,
      GroundingCommand.self, GroundingCellCommand.self, ManipulationCommand.self, ManipulationCellCommand.self,
    ])
}

/// What the toy experiments share.
struct ToyOptions: ParsableArguments {
  @Option(help: "How much: small (minutes on two cores) or paper (the paper's seeds and sizes).")
  var scale: RegressionSettings.Scale = .small

  @Option(help: "Folder of the model. Default: SmolLM2-135M-Instruct in the cache.")
  var model: String?

  @Option(help: "Objectives, comma separated: \(Preset.allCases.map(\.rawValue).joined(separator: ", ")).")
  var objectives: String?

  @Option(help: "Numbers N of training problems, such as 1-10 or 2,5,10.")
  var counts: String?

  @Option(help: "Seeds, such as 1-5.")
  var seeds: String?

  @Option(help: "Test problems of each seed.", transform: whole(1...1_000_000))
  var problems: Int?

  @Option(help: "Samples seen in training (the paper: about 250).", transform: whole(OptionRange.counts))
  var samples: Int?

  @Option(help: "Learning rate at the start (the paper: 2e-5).", transform: positive(1000))
  var learningRate: Double?

  @Option(help: "Temperature τ of the target distribution.", transform: number(OptionRange.factors))
  var temperature: Double?

  @Option(help: "Weight α of the distance loss.", transform: number(OptionRange.factors))
  var alpha: Double?

  @OptionGroup var jobs: JobOptions

  @Option(name: .shortAndLong, help: "Folder for results; a run that was interrupted goes on there.")
  var output: String?

  @Flag(help: "Print the outcomes as JSON.")
  var json = false

  func settings(_ table: RegressionSettings.Table) throws -> RegressionSettings {
    var settings = RegressionSettings(table, scale, model: try modelFolder(model))
    if let objectives { settings.presets = try names(objectives, "--objectives") }
    if let counts { settings.counts = try spans(counts, "--counts", in: 1...10) }
    if let seeds { settings.seeds = try spans(seeds, "--seeds", in: 0...1_000_000) }
    settings.testProblems = problems ?? settings.testProblems
    settings.samples = samples ?? settings.samples
    settings.learningRate = learningRate ?? settings.learningRate
    settings.temperature = temperature ?? settings.temperature
    settings.alpha = alpha ?? settings.alpha
    return settings
  }

  func run(_ table: RegressionSettings.Table, command: String) throws {
    let settings = try settings(table)
    let folder = output ?? "runs/\(table.rawValue)-\(scale.rawValue)"
    let experiment = try RegressionExperiment(folder: folder, settings: settings)
    let (jobs, threads) = jobs.division(of: settings.cells.count)
    try experiment.run(jobs: jobs) {
      CellOptions.command("reproduce", "cell", folder: folder, cell: $0, threads: threads)
    }
    let report = try experiment.report(command: command)
    if json {
      print(String(decoding: try encodedJSON(try experiment.outcomes(), pretty: true, path: "<stdout>"), as: UTF8.self))
    } else {
      print(report.text(.standardOutput))
      print("Report: \(folder)/report.html")
    }
  }
}

extension RegressionSettings.Scale: ExpressibleByArgument {}

struct RegressionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "regression",
    abstract: "Linear regression from 1–10 examples (section 3.1, Table 11): sft, vocab and dist.")
  @OptionGroup var options: ToyOptions
  func run() throws { try options.run(.regression, command: CommandLine.asTyped) }
}

struct AblationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablation", abstract: "What each part of dist is worth on the same task (section 3.6, Table 5).")
  @OptionGroup var options: ToyOptions
  func run() throws { try options.run(.ablation, command: CommandLine.asTyped) }
}
