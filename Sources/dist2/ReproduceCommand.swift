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

  @Option(help: "Test problems of each seed.")
  var problems: Int?

  @Option(help: "Samples seen in training (the paper: about 250).")
  var samples: Int?

  @Option(help: "Learning rate at the start (the paper: 2e-5).")
  var learningRate: Double?

  @Option(help: "Temperature τ of the target distribution.")
  var temperature: Double?

  @Option(help: "Weight α of the distance loss.")
  var alpha: Double?

  @OptionGroup var jobs: JobOptions

  @Option(name: .shortAndLong, help: "Folder for results; a run that was interrupted goes on there.")
  var output: String?

  @Flag(help: "Print the outcomes as JSON.")
  var json = false

  func settings(_ table: RegressionSettings.Table) throws -> RegressionSettings {
    var settings = RegressionSettings(table, scale, model: try modelFolder(model))
    if let objectives { settings.presets = try names(objectives, "--objectives") }
    if let counts { settings.counts = try numbers(counts, "--counts") }
    if let seeds { settings.seeds = try numbers(seeds, "--seeds") }
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
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      print(String(decoding: try encoder.encode(try experiment.outcomes()), as: UTF8.self))
    } else {
      print(report.text(.standardOutput))
      print("Report: \(folder)/report.html")
    }
  }

  /// `1-3,7` → 1, 2, 3, 7.
  private func numbers(_ text: String, _ option: String) throws -> [Int] {
    try text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      if ends.count == 1, let one = ends[0] { return [one] }
      if ends.count == 2, let low = ends[0], let high = ends[1], low <= high, high - low < 1000 {
        return Array(low...high)
      }
      throw ValidationError("\(option): expected numbers such as 1-5 or 2,4,8, found \(part)")
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
