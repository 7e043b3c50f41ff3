// SPDX-License-Identifier: Apache-2.0
import TaskData
public import ArgumentParser
import Foundation
import Recipes
import Reports
public import Tabletop

struct NewDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new-data", abstract: "Make examples to train on, where nobody has to collect them.",
    subcommands: [GroundingDataCommand.self, ManipulationDataCommand.self])
}

/// How manipulation prompts and answers are written; the same for data and policy.
struct ManipulationTemplateOptions: ParsableArguments {
  /// LLaRA's names.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case inBC = "inbc"
    case describedInBC = "d-inbc"
    case rt2
    case describedRT2 = "d-rt2"
  }

  @Option(
    help: "inbc (names), d-inbc (names and boxes), rt2 and d-rt2 (the same with actions as bins).")
  var format: Format = .describedInBC
  @Option(
    help: "How the table is seen: boxes (a text that lists all objects) or image (an image goes with the prompt).")
  var observation: PromptTemplate.Observation = .boxes
  @Flag(help: "With image: say in text how objects in the task's scenes are turned, which LLaRA leaves out.")
  var headings = false
  @Option(help: "A line between task and rules, as LLaRA asks in evaluation.") var question: String?
  @Flag(
    name: .customLong("no-rules"),
    help: "Leave the rules of answering out of prompts: shorter, for models that know one task.")
  var withoutRules = false
  @Option(help: "With rt2: a bin's token, {} for its number.") var bin = "<bin_{}>"

  var template: PromptTemplate {
    PromptTemplate(
      assets: [.inBC, .rt2].contains(format) ? .names : .boxes, observation: observation, question: question,
      rules: !withoutRules, headings: headings ? true : nil)
  }

  var spelling: ActionSpelling {
    [.inBC, .describedInBC].contains(format) ? .sentences : .bins(ActionBins(pattern: bin))
  }

  func validate() throws {
    guard bin.contains("{}"), !bin.hasPrefix("{}") else {
      throw ValidationError("--bin: expected text with {} behind its beginning, such as <bin_{}>, found \(bin)")
    }
  }
}

extension PromptTemplate.Observation: ExpressibleByArgument {}
extension EpisodeSplit: ExpressibleByArgument {}

struct ManipulationDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manipulation",
    abstract: "Episodes of a tabletop with an oracle: pick here, turn so far, place there (section 3.3).",
    discussion: """
      The thirteen tasks VIMABench trains on, on this project's own kinematic tabletop; every example answers with all \
      steps that remain. Split train also writes valid.jsonl, a tenth as many. The same number gives the same episodes, \
      and a larger set begins with the smaller one. With --observation image, images/ holds the front view of every \
      example. docs/manipulation.md says more; Configs/manipulation/text.yaml \
      trains on it.
      """)
  @OptionGroup var options: ManipulationTemplateOptions
  @Option(
    help: "Number of episodes; LLaRA's sets have 800, 8,000 and 80,000. Default: 800.",
    transform: whole(OptionRange.lists))
  var episodes = 800
  @Option(help: "train, valid, L1 (new placements) or L2 (pairs of texture and shape that train never has).")
  var split: EpisodeSplit = .train
  @Option(help: "Tasks, comma separated, such as rotate,twist. Default: all thirteen.") var tasks: String?
  @Option(
    help:
      "Auxiliary tasks, comma separated: all, or \(AuxiliaryTask.allCases.map(\.rawValue).joined(separator: ", ")).")
  var auxiliary: String?
  @Option(help: "Examples of each auxiliary task for one of the main task. Default: 1.", transform: positive(100))
  var ratio = 1.0
  @Option(name: .shortAndLong, help: "Folder for train.jsonl and valid.jsonl, or test-L1.jsonl.") var output: String

  func validate() throws {
    _ = try (chosenTasks(), chosenAuxiliary())
  }

  func run() throws {
    let writer = ExampleWriter(
      template: options.template, spelling: options.spelling, auxiliary: try chosenAuxiliary(), ratio: ratio)
    let data = ManipulationData(writer, kinds: try chosenTasks())
    let files: [(EpisodeSplit, Int, String)] =
      split == .train
      ? [(.train, episodes, "train"), (.valid, max(1, episodes / 10), "valid")]
      : [(split, episodes, split == .valid ? "valid" : "test-\(split.rawValue)")]
    for (split, count, name) in files {
      let path = "\(output)/\(name).jsonl"
      let bar = ProgressBar("writing \(name).jsonl", total: count, unit: "episode")
      let examples = try data.write(split, episodes: count, to: path) { _ in bar.advance(by: 1) }
      bar.finish()
      print("\(path): \(examples) examples of \(count) episodes")
    }
  }

  private func chosenTasks() throws -> [TaskKind] {
    guard let tasks else { return TaskKind.allCases }
    return try names(tasks, "--tasks")
  }

  private func chosenAuxiliary() throws -> [AuxiliaryTask] {
    guard let auxiliary else { return [] }
    return try auxiliary == "all" ? AuxiliaryTask.allCases : names(auxiliary, "--auxiliary")
  }
}
