// SPDX-License-Identifier: Apache-2.0
import Experiments
import TaskData
public import ArgumentParser
import Files
import Foundation
import Recipes

extension GroundingExperiment.Scale: ExpressibleByArgument {}

struct GroundingOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "grounding",
    abstract: "Boxes of what is referred to (section 3.2, Table 1): sft, vocab and dist by data size.",
    discussion: """
      By default on rendered scenes with a small model that starts from nothing; --data and --images take RefCOCO or \
      images of one's own, --model a checkpoint that sees (docs/grounding.md). Runs are kept one by one: the same \
      command goes on where it was interrupted, and reports what is finished with --report.
      """)
  @Option(
    help:
      "How much: tiny (a minute, says nothing), small (half an hour of two cores), paper (the paper's schedule, for a GPU)."
  )
  var scale: GroundingExperiment.Scale = .small
  @Option(help: "Files of rows, comma separated; split train is learnt from, the others are tests. Default: scenes.")
  var data: String?
  @Option(help: "Folder of the rows' images. Default: that of each file.", completion: .directory)
  var images: String?
  @OptionGroup var old: OldImageOptions
  @Option(help: "Folder of a model that sees. Default: a randomly initialised small one for each seed.") var model:
    String?
  @Option(
    help: "Side of the images that a randomly initialised model reads, in pixels: a multiple of 16.",
    transform: whole(OptionRange.sides)) var side: Int?
  @Option(help: "Expressions asked of each split at most.", transform: whole(OptionRange.counts)) var test: Int?
  @Option(help: "Training steps at least, however few expressions there are.", transform: whole(OptionRange.counts))
  var leastSteps: Int?
  @Option(help: "Question, with {} for the expression.") var question: String?
  @OptionGroup var keys: RunKeyOptions

  func validate() throws {
    guard question?.contains("{}") ?? true else { throw ValidationError("--question: expected text with {} in it") }
    guard side.map({ $0 % 16 == 0 }) ?? true else { throw ValidationError("--side: expected a multiple of 16") }
  }

  func experiment() throws -> GroundingExperiment {
    let rows = data.map { text in
      GroundingExperiment.Source.rows(
        text.split(separator: ",").map { absolutePath(String($0)) },
        images: (images ?? old.folder()).map { absolutePath($0) })
    }
    if scale == .paper, rows == nil || model == nil {
      throw ValidationError("--scale paper needs --data and --model: RefCOCO's rows and a published checkpoint")
    }
    var experiment = GroundingExperiment(scale, source: rows, model: try model.map { try modelFolder($0) })
    if let question { experiment.template = GroundingTemplate(question: question) }
    experiment.side = side ?? experiment.side
    experiment.testExpressions = test ?? experiment.testExpressions
    experiment.leastSteps = leastSteps ?? experiment.leastSteps
    experiment.overrides = keys.overrides
    return experiment
  }

  func defaultFolder() -> String { "runs/grounding-\(scale.rawValue)" }
}
