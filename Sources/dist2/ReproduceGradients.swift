// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments

struct GradientOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "gradients",
    abstract: "Noise of gradients: targets at tokens against a reward of the whole number (appendix A.1).")
  @Option(help: "Steps of cross entropy before gradients are compared.", transform: whole(1...100_000))
  var warmup: Int?
  @Option(help: "Gradients of each run.", transform: whole(2...100_000)) var batches: Int?

  func experiment() throws -> GradientExperiment {
    var experiment = GradientExperiment()
    experiment.warmup = warmup ?? experiment.warmup
    experiment.batches = batches ?? experiment.batches
    return experiment
  }
  func defaultFolder() -> String { "runs/gradients" }
}
