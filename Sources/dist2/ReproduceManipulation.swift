public import ArgumentParser
import Files
public import Recipes
import Reports
import Tabletop

extension ManipulationSettings.Scale: ExpressibleByArgument {}

struct ManipulationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manipulation",
    abstract: "Picking, turning and placing (section 3.3, Table 2): sft, vocab and dist by data size.",
    discussion: """
      This project's own tabletop stands in place of VIMABench, and boxes as text in place of its picture unless \
      --observation image shows it to a model that sees (docs/manipulation.md). \
      Cells are kept one by one: the same command goes on where it was interrupted, and reports what is finished with \
      --report.
      """)
  @Option(help: "How much: tiny (a minute, says nothing), small (many hours of two cores), paper (for a GPU).")
  var scale: ManipulationSettings.Scale = .small
  @Option(
    help:
      "How the table is seen: boxes (as text), or image, which needs a --model that sees (dist2 new-vlm). Default: boxes; image at --scale paper."
  )
  var observation: PromptForm.Observation?
  @Option(help: "Folder of the model. Default: SmolLM2-135M-Instruct in the cache; --scale paper needs one.") var model:
    String?
  @OptionGroup var arms: ArmOptions
  @Option(help: "Tasks, comma separated: \(TaskKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var tasks: String?
  @Option(help: "Test episodes of each level.", transform: whole(OptionRange.lists)) var episodes: Int?
  @Option(help: "Answers asked for in an episode at most.", transform: whole(1...1000)) var answers: Int?
  @OptionGroup var jobs: JobOptions
  @Option(name: .shortAndLong, help: "Folder for results; a run that was interrupted goes on there.") var output:
    String?
  @Flag(help: "Run nothing; report what is finished.") var report = false

  func run() throws {
    let settings = try settings(), folder = output ?? "runs/manipulation-\(scale.rawValue)"
    let experiment = try ManipulationExperiment(folder: folder, settings: settings)
    if !report {
      let (jobs, threads) = jobs.division(of: settings.cells.count)
      try experiment.run(jobs: jobs) {
        CellOptions.command("reproduce", "manipulation-cell", folder: folder, cell: $0, threads: threads)
      }
    }
    print(try experiment.report(command: CommandLine.asTyped).text(.standardOutput))
    print("Report: \(folder)/report.html")
  }

  private func settings() throws -> ManipulationSettings {
    if scale == .paper, model == nil {
      throw ValidationError("--scale paper needs --model: a folder with LLaVA-1.5, which is what the paper trains")
    }
    var settings = ManipulationSettings(scale, model: try modelFolder(model), observation: observation)
    try arms.apply(presets: &settings.presets, sizes: &settings.sizes, seeds: &settings.seeds)
    if let tasks { settings.kinds = try names(tasks, "--tasks") }
    settings.testEpisodes = episodes ?? settings.testEpisodes
    settings.answers = answers ?? settings.answers
    settings.overrides = arms.overrides
    return settings
  }
}

/// One training run in a process of its own.
struct ManipulationCellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "manipulation-cell", shouldDisplay: false)
  @OptionGroup var options: CellOptions
  func run() throws {
    try runManipulationCell(named: options.cell, folder: options.folder, threads: options.threads)
  }
}
