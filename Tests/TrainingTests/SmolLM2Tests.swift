// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import TokenModels
import Torch
import TorchNN
import Training

private let folder: String = {
  let environment = ProcessInfo.processInfo.environment
  let caches = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
  return (environment["DIST2_CACHE"] ?? caches + "/dist2") + "/SmolLM2-135M-Instruct"
}()

/// The default model's real weights.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: folder + "/config.json"), "no \(folder): run make test"))
struct SmolLM2Tests {
  /// Ten steps of full fine-tuning with 8-bit moments: every loss within 2 % of the first loss of the 32-bit run's.
  @Test func theLossesOf8BitMomentsAreThoseOf32Bits() throws {
    func train(_ bits: AdamW.StateBits) throws -> [Double] {
      let model = try loadModel(folder: folder, options: LoadOptions(dtype: .float32, copying: true))
      let options = TrainingOptions(length: .steps(10), schedule: .constant)
      let trainer = Trainer(model, try toyObjective(), AdamW(learningRate: 1e-4, stateBits: bits), options: options)
      let losses = try trainer.fit(toyBatches(seed: 3)).losses
      if ProcessInfo.processInfo.environment["DIST2_MEASURE"] != nil { measure(model, bits) }
      return losses
    }
    let full = try train(.thirtyTwo), coded = try train(.eight)
    let worst = zip(full, coded).map { abs($0 - $1) }.max() ?? .infinity
    #expect(full.last! < 0.7 * full[0])
    #expect(full != coded)
    #expect(worst < 0.02 * full[0], "\(worst) of \(full[0]): \(full), \(coded)")
  }

  /// Milliseconds of an update of all parameters, the fastest of five.
  private func measure(_ model: any TokenModel, _ bits: AdamW.StateBits) {
    let parameters = model.trainableParameters()
    let optimizer = AdamW(learningRate: 1e-6, stateBits: bits).makeOptimizer(
      for: parameters.map { OptimizedParameter(key: $0.key, tensor: $0.tensor, master: nil, group: nil) })
    let gradients = parameters.map { Tensor.randn($0.tensor.shape) * 1e-3 }
    let times = (0..<5).map { _ in
      ContinuousClock().measure {
        optimizer.update(gradients: gradients, gradientFactor: 1, learningRateFactor: 1)
      } / .milliseconds(1)
    }
    let bytes = optimizer.state.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size }
    print("update with \(bits.rawValue)-bit moments: \(times.min()!) ms, state \(bytes >> 20) MiB")
  }
}
