// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import Torch
import TorchNN
import Training

@Suite struct AdamWTests {
  /// Three parameters of the fixture.
  final class Three: Module {
    @Parameter("a") var a: Tensor
    @Parameter("b") var b: Tensor
    @Parameter("c") var c: Tensor

    init(_ tag: String, dtype: DType) throws {
      super.init()
      for box in [$a, $b, $c] {
        box.tensor = try Fixture.tensor("adamw.safetensors", "\(tag).initial.\(box.key)").to(dtype)
      }
    }
  }

  let rule = AdamW(
    learningRate: 1e-2, betas: (0.9, 0.95), epsilon: 1e-7, weightDecay: 0.1,
    groups: [ParameterGroup(.vectors, learningRateScale: 0.1, weightDecay: 0)])

  /// Twelve updates as torch.optim.AdamW makes them: groups, missing gradients, state.
  @Test(arguments: [("f32", DType.float32), ("bf16", .bfloat16)])
  func twelveStepsEqualPyTorch(tag: String, dtype: DType) throws {
    func expected(_ name: String) throws -> Tensor { try Fixture.tensor("adamw.safetensors", "\(tag).\(name)") }
    let model = try Three(tag, dtype: dtype)
    let optimizer = rule.makeOptimizer(
      for: try model.parameters().map { parameter in
        OptimizedParameter(
          key: parameter.key, tensor: parameter.tensor, master: try expected("initial.\(parameter.key)"),
          group: parameter.key == "b" ? 0 : nil)
      })
    for step in 0..<12 {
      let gradients = try ["a", "b", "c"].map { key in
        key == "c" && step % 3 == 2 ? nil : try expected("gradients.\(key)").select(0, step).to(.float32).contiguous()
      }
      optimizer.update(gradients: gradients, gradientFactor: 1, learningRateFactor: 1)
    }
    let state = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.tensor) })
    #expect(state["steps"]?.array(of: Float.self) == [12, 12, 8])
    for parameter in model.parameters() {
      #expect(parameter.tensor.dtype == dtype)
      #expect(difference(parameter.tensor, try expected("final.\(parameter.key)")) <= (dtype == .float32 ? 2e-7 : 0))
      for name in ["first", "second"] {
        let wanted = try expected("\(name).\(parameter.key)")
        let scale = wanted.abs().max().item()
        #expect(difference(try #require(state["\(name).\(parameter.key)"]), wanted) <= 1e-6 * scale)
      }
      let master = try expected("master.\(parameter.key)")
      if dtype == .bfloat16 { #expect(difference(try #require(state["master.\(parameter.key)"]), master) <= 2e-7) }
    }
    #expect(state.count == (dtype == .bfloat16 ? 10 : 7))
  }

  /// An update too small for bfloat16 is kept in the master until it shows.
  @Test func smallUpdatesOfHalfPrecisionParametersAddUp() throws {
    let parameter = Tensor.ones([1], dtype: .bfloat16)
    let optimizer = AdamW(learningRate: 1e-4).makeOptimizer(
      for: [OptimizedParameter(key: "p", tensor: parameter, master: nil, group: nil)])
    func update(_ times: Int) {
      for _ in 0..<times {
        optimizer.update(gradients: [Tensor.ones([1])], gradientFactor: 1, learningRateFactor: 1)
      }
    }
    update(5)
    #expect(parameter.item() == 1)
    update(45)
    #expect(abs(parameter.item() - 0.995) < 0.003)
  }

  @Test func aFactorScalesGradientsInTheSamePass() {
    func run(gradient: Double, factor: Double) -> Double {
      let parameter = Tensor.ones([1], dtype: .float64)
      let optimizer = AdamW(learningRate: 0.1, epsilon: 1).makeOptimizer(
        for: [OptimizedParameter(key: "p", tensor: parameter, master: nil, group: nil)])
      for _ in 0..<3 {
        let gradients = [Tensor([gradient])]
        optimizer.update(gradients: gradients, gradientFactor: factor, learningRateFactor: 1)
      }
      return parameter.item()
    }
    #expect(abs(run(gradient: 3, factor: 0.25) - run(gradient: 0.75, factor: 1)) < 1e-15)
    #expect(run(gradient: 3, factor: 1) != run(gradient: 3, factor: 0.25))
  }
}

@Suite struct ParameterSelectorTests {
  final class Pair: Module {
    @Child("first") var first: Linear
    @Child("second") var second: Linear
    @Child("norm") var norm: RMSNorm
    override init() {
      super.init()
      first = Linear(2, 2)
      second = Linear(2, 2)
      second.weight = first.weight  // tied
      norm = RMSNorm(2, epsilon: 1e-6)
    }
  }

  @Test func keyPathsTypesAndPredicatesSelect() {
    let model = Pair()
    func keys(_ selector: ParameterSelector) -> [String] { selector.parameters(of: model).map(\.key) }
    #expect(keys(.all) == ["first.weight", "first.bias", "second.weight", "second.bias", "norm.weight"])
    #expect(keys(.vectors) == ["first.bias", "second.bias", "norm.weight"])
    #expect(keys(.parts(of: RMSNorm.self)) == ["norm.weight"])
    #expect(keys(ParameterSelector { $0.key.hasSuffix("d.bias") }) == ["second.bias"])
    // A tied tensor is selected under each of its names.
    #expect(keys(.part(\Pair.second)) == ["first.weight", "second.weight", "second.bias"])
    #expect(keys(.parameter(\Pair.first.$weight)) == ["first.weight", "second.weight"])
  }
}
