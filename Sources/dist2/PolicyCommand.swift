// SPDX-License-Identifier: Apache-2.0
import TaskData
import ArgumentParser
import Files
import Recipes
import Tabletop

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract:
      "Answer observations of a tabletop with actions, a JSON line each, so that a simulator can measure success.",
    discussion: """
      Lines in are {"id", "prompt", "assets", "tool", "objects", "history"}, lines out {"id", "actions", "answer"} in \
      the same order, as soon as they are known; actions are given in the image and in VIMABench's action space. A \
      line that cannot be used is answered by {"id", "error"} and ends nothing. docs/manipulation.md describes all \
      fields. Give the format that the model was trained with.
      """)
  @OptionGroup var model: ModelOptions
  @OptionGroup var options: ManipulationTemplateOptions
  @Flag(help: "Give only the first action of an answer.") var singleStep = false

  func run() throws {
    let policy = try ManipulationPolicy(
      model.choice(), template: options.template, spelling: options.spelling, isSingleStep: singleStep)
    // No observation is a megabyte; what is longer becomes a line that is no JSON, and is answered as such.
    let lines = LineReader(
      .standardInput, longest: 1 << 20, substitute: "(a line above 1 MiB, or not in UTF-8)")
    var number = 1
    while let waiting = try lines.next(64) {
      for answer in policy.answers(to: waiting, from: number) { print(answer) }
      number += waiting.count
    }
  }
}
