// SPDX-License-Identifier: Apache-2.0
import Experiments
public import ArgumentParser
import Recipes

extension RegressionExperiment.Scale: ExpressibleByArgument {}

/// Parts that the two toy experiments share.
struct ToyOptions: ParsableArguments {
  @Option(help: "How much: small (minutes on two cores) or paper (the paper's seeds and sizes).")
  var scale: RegressionExperiment.Scale = .small
  @Option(help: "Folder of the model. Default: SmolLM2-135M-Instruct in the cache.") var model: String?
  @Option(help: "Test problems of each seed.", transform: whole(1...1_000_000)) var problems: Int?
  @Option(help: "Samples seen in training (the paper: about 250).", transform: whole(OptionRange.counts))
  var samples: Int?
  @Option(help: "Learning rate at the start (the paper: 2e-5).", transform: positive(1000)) var learningRate: Double?
  @Option(help: "Temperature τ of the target distribution.", transform: number(OptionRange.factors))
  var temperature: Double?
  @Option(help: "Weight α of the distance loss.", transform: number(OptionRange.factors)) var alpha: Double?

  func experiment(_ table: RegressionExperiment.Table) throws -> RegressionExperiment {
    var experiment = RegressionExperiment(table, scale, model: try modelFolder(model))
    experiment.testProblems = problems ?? experiment.testProblems
    experiment.samples = samples ?? experiment.samples
    experiment.learningRate = learningRate ?? experiment.learningRate
    experiment.temperature = temperature ?? experiment.temperature
    experiment.alpha = alpha ?? experiment.alpha
    return experiment
  }
}

struct RegressionOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "regression",
    abstract: "Linear regression from 1–10 examples (section 3.1, Table 11): sft, vocab and dist.")
  @OptionGroup var toy: ToyOptions
  func experiment() throws -> RegressionExperiment { try toy.experiment(.regression) }
  func defaultFolder() -> String { "runs/regression-\(toy.scale.rawValue)" }
}

struct AblationOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "ablation", abstract: "Ablation of the parts of dist on the same task (section 3.6, Table 5).")
  @OptionGroup var toy: ToyOptions
  func experiment() throws -> RegressionExperiment { try toy.experiment(.ablation) }
  func defaultFolder() -> String { "runs/ablation-\(toy.scale.rawValue)" }
}
