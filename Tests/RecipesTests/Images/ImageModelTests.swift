// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Objectives
import Testing
import TokenModels
import Torch
import TorchNN
import Training

@Suite struct ImageModelTests {
  /// The general trainer and objective take sequences of codes as they are: three classes, an image each.
  @Test func whatTheTrainerTeachesTheSamplerDraws() throws {
    let configuration = LlamaGenConfiguration(
      codes: 24, classes: 3, gridSide: 3, hiddenSize: 32, intermediateSize: 64, layers: 2, heads: 2)
    let model = LlamaGen(configuration, generator: Generator(seed: 1))
    var generator = CounterGenerator(8)
    let images = (0..<3).map { _ in (0..<9).map { _ in Int32(generator.next(below: 24)) } }
    let examples = images.enumerated().map { index, image in
      EncodedExample(
        ids: [model.token(ofClass: index)] + image, supervised: [Bool](repeating: true, count: 10))
    }
    let options = TrainingOptions(length: .steps(150), schedule: .constant, seed: 3)
    let trainer = Trainer(
      model, Objective.crossEntropy, AdamW(learningRate: 3e-3, betas: (0.9, 0.95)), options: options)
    let source = ExampleBatches(examples, plan: BatchPlan(count: 3, batch: 3))
    let losses = try trainer.fit(source).losses
    #expect(abs(losses[0] - 3.178) < 0.001)  // log 24: a head of zeros
    let drawn = try ImageSampler(model).sample([0, 1, 2], ImageSamplingOptions(sampling: .greedy))
    #expect(drawn == images)
  }
}
