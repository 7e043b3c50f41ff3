// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser
import Recipes
import Reports

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Watch a small model learn noisy numbers with plain supervision and with distances.",
    discussion: """
      Trains a small model from random weights on 200 made-up examples with three objectives and five seeds — sft (cross \
      entropy), dist (targets over digits) and valueDrawn (targets over whole numbers) — draws what each believes of \
      three test examples, and compares their errors. Then edit the run file that it leaves behind. With --paper the \
      paper's own toy on SmolLM2-135M: the same as `dist2 reproduce regression --scale small`.
      """)
  @Option(name: [.short, .long], help: "Where results are kept.", completion: .directory) var output = "runs/demo"
  @Option(help: "How many seeds. Default: 5.", transform: whole(OptionRange.seeds)) var seeds = 5
  @OptionGroup var jobs: JobOptions
  @Flag(help: "Run the paper's toy, linear regression by SmolLM2-135M (about ten minutes).") var paper = false

  func run() throws {
    guard !paper else {
      return try RunningOptions.parse([]).run(RegressionOptions.parse([]), GridOptions.parse([]))
    }
    let demo = try Demo(folder: output, seeds: seeds)
    Terminal.standardError.write(try demo.introduction(.standardError))
    try demo.comparison.run(jobs)
    print(try demo.report(command: CommandLine.asTyped, .standardOutput))
    print("Report: \(demo.comparison.path)/report.html. Run file: \(output)/run.yaml")
  }
}
