public import ArgumentParser
import Files
public import Recipes
import Reports

struct ImagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Image generation over VQ codes with and without a distance between code vectors (section 3.5, Table 4).",
    discussion: """
      On Fashion-MNIST: trains a classifier and a tokenizer, turns the pictures into codes, trains generators on parts \
      of them, draws pictures early and late, and compares them with test pictures by the classifier's features. Cells \
      are kept one by one: the same command goes on where it was interrupted, and reports what is finished with --report.
      """)
  @Option(help: "Folder with the four IDX files of Fashion-MNIST (Debian: dataset-fashion-mnist).")
  var data = FashionMNIST.defaultFolder
  @Option(help: "tiny: minutes, to try it out; small: the experiment, about an hour of two cores.") var scale =
    ImageSettings.Scale
    .small
  @Option(help: "Objectives: \(ImageArm.all.map(\.name).joined(separator: ", ")); comma separated.")
  var arms = "sft,dist"
  @Option(help: "Parts of the training pictures, comma separated.") var shares = "0.01,0.1,1"
  @Option(help: "How many seeds.", transform: whole(OptionRange.seeds)) var seeds = 2
  @Option(name: .shortAndLong, help: "Folder of results.") var output = "runs/images"
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Run nothing; report what is finished.") var report = false

  func run() throws {
    let settings = try ImageSettings(
      data: data, scale: scale, arms: chosenArms(), seeds: Array(1...seeds),
      shares: numbers(shares, "--shares", in: 0...1))
    let experiment = try ImageExperiment(folder: output, settings: settings)
    if !report {
      let folder = output, options = jobs
      try experiment.run(jobs: options.division(of: settings.cells.count).jobs) { cell, neighbours in
        let threads = options.division(of: neighbours).threads
        return CellOptions.command("reproduce", "image-cell", folder: folder, cell: cell, threads: threads)
      }
    }
    print(try experiment.report(command: CommandLine.asTyped).text(.standardOutput))
    print("Report: \(output)/report.html")
  }

  private func chosenArms() throws -> [ImageArm] {
    let chosen = try arms.split(separator: ",").map { name in
      guard let arm = ImageArm.all.first(where: { $0.name == name }) else {
        throw ValidationError("no objective is called \(name); there are \(ImageArm.all.map(\.name))")
      }
      return arm
    }.once
    guard !chosen.isEmpty else { throw ValidationError("--arms: expected at least one objective, found none") }
    return chosen
  }
}

extension ImageSettings.Scale: ExpressibleByArgument {}

/// One cell in a process of its own.
struct ImageCellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "image-cell", shouldDisplay: false)
  @OptionGroup var options: CellOptions
  func run() throws {
    try runImageCell(named: options.cell, folder: options.folder, threads: options.threads)
  }
}

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vq-probe",
    abstract: "What becomes of a picture whose central codes are replaced by near, random and far ones (Fig. 4).",
    discussion: """
      Takes the tokenizer and the classifier of a folder that `dist2 reproduce images` has made.
      """)
  @Argument(help: "That folder.") var experiment = "runs/images"
  @Option(help: "Test pictures that are changed.", transform: whole(2...1_000_000)) var pictures = 500
  @Option(help: "Seed of what is random.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0

  func run() throws {
    let report = try ProbeReport(experiment: experiment, pictures: pictures, seed: seed, command: CommandLine.asTyped)
    try report.write()
    print(report.text(.standardOutput))
    print("Report: \(report.path)")
  }
}
