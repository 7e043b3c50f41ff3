// SPDX-License-Identifier: Apache-2.0
import Experiments
public import ArgumentParser
import Files
import Recipes
import Tabletop

extension ManipulationExperiment.Scale: ExpressibleByArgument {}

struct ManipulationOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "manipulation",
    abstract: "Picking, turning and placing (section 3.3, Table 2): sft, vocab and dist by data size.",
    discussion: """
      This project's own tabletop stands in place of VIMABench, and boxes as text in place of its image unless \
      --observation image shows it to a model that sees (docs/manipulation.md). \
      Runs are kept one by one: the same command goes on where it was interrupted, and reports what is finished with \
      --report.
      """)
  @Option(help: "How much: tiny (a minute, says nothing), small (many hours of two cores), paper (for a GPU).")
  var scale: ManipulationExperiment.Scale = .small
  @Option(
    help:
      "How the table is seen: boxes (as text), or image, which needs a --model that sees (dist2 new-vlm). Default: boxes; image at --scale paper."
  )
  var observation: PromptTemplate.Observation?
  @Option(help: "Folder of the model. Default: SmolLM2-135M-Instruct in the cache; --scale paper needs one.") var model:
    String?
  @Option(help: "Tasks, comma separated: \(TaskKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var tasks: String?
  @Option(help: "Test episodes of each level.", transform: whole(OptionRange.lists)) var episodes: Int?
  @Option(help: "Answers asked for in an episode at most.", transform: whole(1...1000)) var answers: Int?
  @OptionGroup var keys: RunKeyOptions

  func experiment() throws -> ManipulationExperiment {
    if scale == .paper, model == nil {
      throw ValidationError("--scale paper needs --model: a folder with LLaVA-1.5, which is what the paper trains")
    }
    var experiment = ManipulationExperiment(scale, model: try modelFolder(model), observation: observation)
    if let tasks { experiment.kinds = try names(tasks, "--tasks") }
    experiment.testEpisodes = episodes ?? experiment.testEpisodes
    experiment.answers = answers ?? experiment.answers
    experiment.overrides = keys.overrides
    return experiment
  }

  func defaultFolder() -> String { "runs/manipulation-\(scale.rawValue)" }
}
