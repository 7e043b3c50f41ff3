// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import Torch
import TorchNN
import Training

@Suite struct HalfPrecisionTests {
  private func train(_ dtype: DType?, microBatch: Int? = nil) throws -> (model: Toy, losses: [Double]) {
    let model = try Toy(dtype: .float32)
    var options = toyOptions
    options.dtype = dtype
    options.length = .steps(60)
    options.schedule = .constant
    let trainer = Trainer(model, try toyObjective(), toyRule, options: options)
    return (model, try trainer.fit(toyBatches(microBatch: microBatch)).losses)
  }

  /// The model computes in bfloat16, the optimizer in float32: the loss falls as it does in float32.
  @Test(arguments: [nil, 1])
  func bfloat16TrainsLikeFloat32(microBatch: Int?) throws {
    let full = try train(nil), half = try train(.bfloat16, microBatch: microBatch)
    #expect(half.model.parameters().allSatisfy { $0.tensor.dtype == .bfloat16 && $0.tensor.requiresGrad })
    let fullEnd = mean(full.losses.suffix(4)), halfEnd = mean(half.losses.suffix(4))
    #expect(fullEnd < 0.6 * full.losses[0])
    #expect(abs(fullEnd - halfEnd) < 0.05 * fullEnd, "\(fullEnd), \(halfEnd)")
    #expect(half.losses != full.losses)
  }

  /// Masters start from the full values, not from rounded ones: after no update to speak of, rounding them gives the
  /// parameters the model was converted to.
  @Test func mastersKeepWhatTheConversionRounds() throws {
    let folder = try TemporaryFolder()
    let model = try Toy(dtype: .float32)
    var options = toyOptions
    (options.dtype, options.length) = (.bfloat16, .steps(1))
    let checkpoints = try Checkpoints(folder.path + "/run")
    try Trainer(model, toyObjective(), AdamW(learningRate: 0), options: options)
      .fit(toyBatches(), checkpoints: checkpoints)
    for parameter in model.parameters() {
      let initial = try Fixture.toy("initial." + parameter.key).to(.float32)
      let file = checkpoints.path(ofStep: 1) + "/training.safetensors"
      #expect(try stored(file, "optimizer.master." + parameter.key).isEqual(to: initial))
      #expect(parameter.tensor.isEqual(to: initial.to(.bfloat16)))
    }
  }

  @Test func tiedParametersStayTied() throws {
    let model = try Toy(dtype: .float32)
    model.projection = model.embedding
    var options = toyOptions
    options.dtype = .bfloat16
    let trainer = Trainer(model, try toyObjective(), toyRule, options: options)
    try trainer.fit(toyBatches())
    #expect(model.projection === model.embedding)
    #expect(model.trainableParameters().count == 7)
  }
}
