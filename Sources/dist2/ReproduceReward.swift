// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser
import Files
import Foundation
import Recipes

struct RewardOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "reward",
    abstract: "Reward models from rated responses (section 3.4; Tables 3, 6, 7, 8; Fig. 5).",
    discussion: """
      The run file names the model, rated responses to learn from and a test file (Configs/reward/human.yaml, \
      Configs/reward/dist.yaml); the variants change the objective alone: \
      \(RewardVariant.all.map(\.name).joined(separator: ", ")), or main, metrics, alphas, all. Runs are kept one by one: \
      the same command goes on where it was interrupted, and reports what is finished with --report.
      """)
  @Argument(help: "The run file.", completion: .file(extensions: ["yaml", "yml"])) var run: String
  @OptionGroup var keys: RunKeyOptions
  @Flag(help: "Leave out lines that cannot be used, count and list them (data.skipBad).") var skipBad = false
  @Option(
    parsing: .singleValue, help: "A file of preferences that every model rates, such as RewardBench. Repeatable.")
  var pairs: [String] = []
  @Option(help: "Folder with MMLU's test.jsonl, asked before and after training.") var mmlu: String?
  @Option(help: "Questions of it. Default: 200.", transform: whole(OptionRange.counts)) var questions = 200

  private func settings() throws -> RunSettings {
    var settings = try RunSettings(file: run, overrides: keys.overrides)
    if skipBad { settings.data.skipBad = true }
    return settings
  }

  func experiment() throws -> RewardExperiment {
    try RewardExperiment(settings(), preferences: pairs, mmlu: mmlu, questions: questions)
  }

  func defaultFolder() throws -> String { try settings().output + "-experiment" }
}
