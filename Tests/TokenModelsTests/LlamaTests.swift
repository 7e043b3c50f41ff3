// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against transformers; see `Tests/Fixtures/llama/make.py`.
@Suite struct LlamaTests {
  @Test(arguments: Fixture.all) func logitsAndHiddenStatesEqualTransformers(fixture: Fixture) throws {
    let model = try fixture.model()
    let ids = try fixture.expected("ids")
    let hidden = noGrad { model.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }
    #expect(difference(hidden, try fixture.expected("hidden")) < 1e-5)
    #expect(difference(noGrad { model.logits(ids) }, try fixture.expected("logits")) < 1e-5)
    let plain = withKernels(.plain) { noGrad { model.logits(ids) } }
    #expect(difference(plain, try fixture.expected("logits")) < 1e-5)
    #expect(difference(noGrad { model.logits(ids.to(.int32)) }, try fixture.expected("logits")) < 1e-5)
  }

  /// With plain operators, with the fused kernels, and with weight gradients accumulated in place (twice, so halved).
  @Test(arguments: Fixture.withGradients, [Way.plain, .fused, .inPlace])
  func everyGradientEqualsTransformers(fixture: Fixture, way: Way) throws {
    let model = try fixture.model()
    model.unfreeze()
    let ids = try fixture.expected("ids")
    let expectedLoss = try fixture.expected("loss")
    func run() {
      let loss = nextTokenLoss(model, ids)
      #expect(difference(loss, expectedLoss) < 1e-6)
      loss.backward()
    }
    switch way {
    case .plain: withKernels(.plain, run)
    case .fused: run()
    case .inPlace:
      withGradientsInPlace(GradientBuffers()) {
        run()
        run()
      }
    }
    let parameters = model.parameters()
    #expect(parameters.count >= 20)
    for parameter in parameters {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      let one = way == .inPlace ? gradient * 0.5 : gradient
      #expect(difference(one, try fixture.expected("grad." + parameter.key)) < 1e-6, "\(parameter.key)")
    }
  }

  enum Way: Sendable { case plain, fused, inPlace }

  /// Only what is asked for is computed, and the gradient is that of the same loss on all positions.
  @Test(arguments: Fixture.withGradients) func rowsAreSelectedFromAll(fixture: Fixture) throws {
    let model = try fixture.model()
    model.unfreeze()
    let ids = try fixture.expected("ids")
    let rows = Tensor([40, 3, 3, 17, 0, 47] as [Int64])
    let weights = Tensor.randn([6, model.hiddenSize], generator: Generator(seed: 7))
    func run(_ hidden: () -> Tensor) -> (Tensor, [Tensor]) {
      let picked = hidden()
      let gradients = gradients(of: [(picked * weights).sum()], withRespectTo: model.parameters().map(\.tensor))
      return (picked, gradients.compactMap { $0 })
    }
    let some = run { model.hidden(ModelInput(ids: ids), cache: nil, rows: rows) }
    let all = run {
      model.hidden(ModelInput(ids: ids), cache: nil, rows: nil).flatten(0, 1).indexSelect(0, rows)
    }
    #expect(some.0.shape == [6, model.hiddenSize])
    #expect(difference(some.0, all.0) < 1e-5)
    #expect(some.1.count == all.1.count)
    for (a, b) in zip(some.1, all.1) { #expect(difference(a, b) < 1e-4) }
    let narrow = model.hidden(ModelInput(ids: ids), cache: nil, rows: rows.to(.int32))
    #expect(difference(narrow, some.0) == 0)
  }

  @Test func bfloat16IsNearFloat32() throws {
    let fixture = Fixture(name: "bf16-tied")
    let model = try Llama(folder: fixture.path)
    #expect(model.parameters().allSatisfy { $0.tensor.dtype == .bfloat16 })
    let ids = try fixture.expected("ids")
    let logits = noGrad { model.logits(ids) }
    #expect(logits.dtype == .bfloat16)
    let expected = try fixture.expected("logits")
    #expect(difference(logits, expected) < 0.05 * expected.abs().max().item())
  }

  /// A table made in inference mode may not reach a later graph.
  @Test func trainingWorksAfterInference() throws {
    let fixture = Fixture.all[0]
    let model = try fixture.model()
    let ids = try fixture.expected("ids")
    inferenceMode { _ = model.logits(ids) }
    model.unfreeze()
    nextTokenLoss(model, ids).backward()
    #expect(model.parameters().allSatisfy { $0.tensor.grad != nil })
  }

  private func nextTokenLoss(_ model: Llama, _ ids: Tensor) -> Tensor {
    let logits = model.logits(ids), length = ids.size(1)
    return logits.narrow(1, 0, length - 1).flatten(0, 1)
      .crossEntropy(ids.narrow(1, 1, length - 1).flatten(0, 1))
  }
}
