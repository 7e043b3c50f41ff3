// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// The stand-in does what the tests on it rely on.
@Suite(.enabled(if: Torch.hasStandIn, "DIST2_STAND_IN=1 is not set")) struct StandInTests {
  private let device = Device.cuda()

  @Test func operatorsComputeWhatTheCPUComputes() {
    let a = Tensor.randn([5, 7], generator: Generator(seed: 1)),
      b = Tensor.randn([7, 3], generator: Generator(seed: 2))
    let there = a.to(device).mm(b.to(device)).softmax(1)
    #expect(there.device == device && "\(there.device)" == "cuda:0")
    #expect(there.to(.cpu).isEqual(to: a.mm(b).softmax(1)))
  }

  @Test func tensorsOnBothSidesAreAnError() {
    let there = Tensor.ones([3], device: device)
    #expect(throws: TorchError.self) { try withTorchErrors { _ = there + Tensor.ones([3]) } }
    #expect(throws: TorchError.self) { try withTorchErrors { _ = there.indexSelect(0, Tensor([0, 1] as [Int64])) } }
    // A single number goes with the call, as on a GPU.
    #expect(throws: Never.self) { try withTorchErrors { _ = there + Tensor(scalar: Float(1)) } }
    #expect(throws: TorchError.self) {
      try withTorchErrors { _ = Tensor.empty([3], device: device).normal_(std: 1, generator: Generator(seed: 1)) }
    }
  }

  @Test func whatAGPUIsWaitedForIsCounted() {
    Torch.forgetWaits()
    let there = Tensor([1, 0, 3] as [Float], device: device)
    let small = Tensor([1, 2] as [Int64]).to(device), doubled = (there * 2).indexSelect(0, small)
    #expect(Torch.waits.isEmpty, "a new tensor goes by pinned memory")
    _ = doubled.array(of: Float.self)
    _ = there.sum().item()
    #expect(Torch.waits == ["read": 2])
    there.copy_(Tensor.zeros([3]))
    _ = there.nonzero()
    _ = there.index([there .> 0])  // looks for the ones itself
    #expect(Torch.waits == ["read": 2, "upload": 1, "aten::nonzero": 2, "aten::index": 1])
    Torch.forgetWaits()
    #expect(Torch.waits.isEmpty)
  }

  @Test func generatorsBelongToIt() {
    let generator = Generator(seed: 7, device: device), state = generator.state
    let first = Tensor.randn([4], device: device, generator: generator).to(.cpu)
    let second = Tensor.randn([4], device: device, generator: generator).to(.cpu)
    #expect(!first.isEqual(to: second))
    generator.state = state
    #expect(first.isEqual(to: Tensor.randn([4], device: device, generator: generator).to(.cpu)))
  }

  @Test func adamWInEightBitsMovesTheSame() {
    let values = Tensor.randn([5000], generator: Generator(seed: 1)) * 0.1
    func run(_ device: Device) -> (values: Tensor, codes: Tensor, scales: Tensor) {
      let x = values.clone().to(device)
      let first = CodedMoment(like: x, .signed), second = CodedMoment(like: x, .unsigned)
      for count in 1...3 {
        let gradient = Tensor.randn([5000], generator: Generator(seed: UInt64(10 + count))).to(device)
        adamW8_(
          x, gradient: gradient, first: first, second: second,
          AdamWStep(learningRate: 1e-2, weightDecay: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, count: count))
      }
      return (x.to(.cpu), first.codes.to(.cpu), second.scales.to(.cpu))
    }
    let here = run(.cpu)
    Torch.forgetWaits()
    let there = run(device)
    #expect(Torch.waits["read"] == 3)  // the three that are compared
    #expect(here.codes.isEqual(to: there.codes) && here.scales.isEqual(to: there.scales))
    #expect((here.values - there.values).abs().max().item() < 1e-6)
  }
}
