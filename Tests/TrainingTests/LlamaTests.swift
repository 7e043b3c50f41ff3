// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// The loop with a real architecture: fused kernels, gradients accumulated in place, tied and untied heads.
@Suite struct LlamaTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama").path

  private func train(
    _ name: String, microBatch: Int?, steps: Int = 12, dtype: DType? = nil
  ) throws -> (model: Llama, losses: [Double]) {
    Torch.threads = 1
    let model = try Llama(folder: Self.folder + "/" + name, options: LoadOptions(dtype: .float32))
    let objective = try toyObjective(contrast: .twoPass(radius: 2))
    let examples = try Fixture.toyRun().examples, sampler = try #require(objective.contrastiveSampler(seed: 1))
    let source = ExampleBatches(
      examples, plan: BatchPlan(count: examples.count, batch: 7, seed: 1),
      microBatch: microBatch.map(MicroBatch.examples) ?? .wholeStep,
      contrastiveExample: { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) })
    let options = TrainingOptions(length: .steps(steps), schedule: .constant, dtype: dtype)
    return (model, try Trainer(model, objective, AdamW(learningRate: 3e-3), options: options).fit(source).losses)
  }

  @Test(arguments: ["gqa-llama3", "headdim-tied", "mha-biases"])
  func accumulatedEqualsWhole(name: String) throws {
    let whole = try train(name, microBatch: nil), parts = try train(name, microBatch: 2)
    #expect(zip(whole.losses, parts.losses).allSatisfy { abs($0 - $1) < 2e-6 * $0 })
    let first = mean(whole.losses.prefix(2)), last = mean(whole.losses.suffix(2))
    #expect(last < 0.95 * first)
  }

  @Test func bfloat16Trains() throws {
    let full = try train("gqa-llama3", microBatch: 4, steps: 40)
    let half = try train("gqa-llama3", microBatch: 4, steps: 40, dtype: .bfloat16)
    #expect(half.model.head.weight.dtype == .bfloat16)
    let fullEnd = mean(full.losses.suffix(2)), halfEnd = mean(half.losses.suffix(2))
    #expect(halfEnd < 0.8 * half.losses[0])
    #expect(abs(fullEnd - halfEnd) < 0.05 * fullEnd, "\(fullEnd), \(halfEnd)")
  }
}
