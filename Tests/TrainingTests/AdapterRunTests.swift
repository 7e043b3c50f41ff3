// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Runs that train adapters of several kinds, on weights of several kinds.
@Suite struct AdapterRunTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/llama").path
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  enum Kind: String, Sendable, CaseIterable { case dora, quantized, quantizedDora, saved, savedTied }

  private func base(_ kind: Kind) throws -> Llama {
    Torch.threads = 1
    let isQuantized = kind == .quantized || kind == .quantizedDora
    return try Llama(
      folder: Self.fixtures + (kind == .savedTied ? "/headdim-tied" : "/gqa-llama3"),
      options: LoadOptions(
        dtype: .float32, quantization: isQuantized ? QuantizationSettings(nestsScales: kind == .quantized) : nil))
  }

  private func model(_ kind: Kind) throws -> Llama {
    let model = try base(kind), isDora = kind == .dora || kind == .quantizedDora
    let saved = kind == .saved ? ["embeddings", "head"] : kind == .savedTied ? ["embeddings"] : []
    try model.addLoRA(
      LoRASettings(
        rank: 4, alpha: 8, dropout: 0.2, targets: ["q_proj", "up_proj"], decomposesWeights: isDora,
        rankPattern: ["layers.1.mlp.up_proj": 2], modulesToSave: saved), seed: 5)
    return model
  }

  @discardableResult
  private func train(
    _ model: Llama, _ checkpoints: Checkpoints?, dtype: DType?, stopAfter: Int = .max
  ) throws -> FinishMetrics {
    let options = TrainingOptions(length: .steps(12), schedule: .constant, dtype: dtype, seed: 11)
    let trainer = Trainer(model, try toyObjective(), AdamW(learningRate: 5e-3), options: options)
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    return try trainer.fit(
      toyBatches(microBatch: 2, seed: 7), validation: Validation(toyBatches(), stepsBetween: 5),
      checkpoints: checkpoints)
  }

  @Test(arguments: Kind.allCases, [false, true])
  func resumedEqualsUninterruptedBitForBit(kind: Kind, isHalf: Bool) async throws {
    // The default generators, which dropout draws from, are the process's.
    await #expect(processExitsWith: .success) { [kind = kind.rawValue as String, isHalf = isHalf as Bool] in
      let tests = try AdapterRunTests(), kind = try #require(Kind(rawValue: kind)), run = tests.folder.path + "/run"
      let dtype: DType? = isHalf ? .bfloat16 : nil
      let whole = try tests.model(kind), first = try tests.model(kind), second = try tests.model(kind)
      let expected = try tests.train(whole, nil, dtype: dtype)
      #expect(mean(expected.losses.suffix(3)) < 0.97 * mean(expected.losses.prefix(3)))
      try tests.train(first, Checkpoints(run), dtype: dtype, stopAfter: 6)
      let resumed = try tests.train(second, Checkpoints(run), dtype: dtype)
      #expect(resumed.losses == expected.losses)
      #expect(weights(of: second) == weights(of: whole))
      // Into the plain base, and into a model that trains the same.
      for other in [try tests.base(kind), try tests.model(kind)] {
        try Checkpoints(run).restore(other, fromStep: 12)
        if isHalf { continue }
        #expect(weights(of: other) == weights(of: whole))
      }
    }
  }

  /// Codes that are not those of the run's base.
  @Test func otherCodesAreAnotherBase() throws {
    let path = folder.path + "/run"
    try train(model(.quantized), Checkpoints(path), dtype: nil, stopAfter: 2)
    let other = try base(.quantizedDora)  // Scales in 32 bits.
    try other.addLoRA(
      LoRASettings(
        rank: 4, alpha: 8, dropout: 0.2, targets: ["q_proj", "up_proj"], rankPattern: ["layers.1.mlp.up_proj": 2]),
      seed: 5)
    let error = try #require(
      #expect(throws: InputError.self) { try train(other, Checkpoints(path), dtype: nil) })
    #expect(error.found == "one with other frozen weights")
  }
}
