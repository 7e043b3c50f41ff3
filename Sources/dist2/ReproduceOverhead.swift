// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments
import Recipes

struct OverheadOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "overhead", abstract: "Time and memory of a step with a distance and without (sections 1 and 2).")
  @Option(help: "Folder of the model. Default: SmolLM2-135M-Instruct in the cache.") var model: String?
  @Option(help: "Steps of each run that are timed.", transform: whole(1...100_000)) var steps: Int?
  @Option(help: "Examples of a step.", transform: whole(1...100_000)) var batch: Int?

  func experiment() throws -> OverheadExperiment {
    var experiment = OverheadExperiment(model: try modelFolder(model))
    experiment.steps = steps ?? experiment.steps
    experiment.batch = batch ?? experiment.batch
    return experiment
  }
  func defaultFolder() -> String { "runs/overhead" }
}
