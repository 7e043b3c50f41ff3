import ArgumentParser
import Files
import Recipes
import Reports

struct RewardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reward",
    abstract: "Reward models from rated responses (section 3.4; Tables 3, 6, 7, 8; Fig. 5).",
    discussion: """
      The run file names the model, rated responses to learn from and a test file (Configs/reward/human.yaml, \
      Configs/reward/dist.yaml); the arms change the objective alone. Cells are kept one by one: the same command \
      goes on where it was interrupted, and reports what is finished with --report.
      """)
  @OptionGroup var options: RunFileOptions
  @Option(
    help:
      "Arms: main, metrics, alphas, all, or \(RewardArm.all().map(\.name).joined(separator: ", ")), comma separated.")
  var arms = "bradleyTerry,sft,vocab,dist,random"
  @Option(help: "How many seeds.", transform: whole(OptionRange.seeds)) var seeds = 3
  @Option(
    parsing: .singleValue, help: "A file of preferences that every model judges, such as RewardBench. Repeatable.")
  var pairs: [String] = []
  @Option(help: "Folder with MMLU's test.jsonl, asked before and after training.") var mmlu: String?
  @Option(help: "Questions of it.", transform: whole(OptionRange.counts)) var questions = 200
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Run nothing; report what is finished.") var report = false

  func run() throws {
    let run = try options.settings()
    let settings = try RewardSettings(
      run, arms: chosen(), seeds: Array(1...seeds), preferences: pairs, mmlu: mmlu, questions: questions)
    let folder = options.output ?? run.output + "-experiment"
    let experiment = try RewardExperiment(folder: folder, settings: settings)
    if !report {
      let (jobs, threads) = jobs.division(of: settings.arms.count * settings.seeds.count)
      try experiment.run(jobs: jobs) {
        CellOptions.command("reproduce", "reward-cell", folder: folder, cell: $0, threads: threads)
      }
    }
    print(try experiment.report(command: CommandLine.asTyped).text(.standardOutput))
    print("Report: \(folder)/report.html")
  }

  private func chosen() throws -> [RewardArm] {
    let known = RewardArm.all()
    let sets = ["main": RewardArm.main, "metrics": RewardArm.metrics, "alphas": RewardArm.alphas(), "all": known]
    var arms = [RewardArm]()
    for name in self.arms.split(separator: ",").map(String.init) {
      guard let found = sets[name] ?? known.first(where: { $0.name == name }).map({ [$0] }) else {
        throw ValidationError("no arm is called \(name); there are \((Array(sets.keys) + known.map(\.name)).sorted())")
      }
      arms += found.filter { !arms.contains($0) }
    }
    guard !arms.isEmpty else { throw ValidationError("--arms: expected at least one, found none") }
    return arms
  }
}

/// One training run in a process of its own.
struct RewardCellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "reward-cell", shouldDisplay: false)
  @OptionGroup var options: CellOptions
  func run() throws {
    try runRewardCell(named: options.cell, folder: options.folder, threads: options.threads)
  }
}
