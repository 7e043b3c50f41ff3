// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Torch

@Suite struct AutogradTests {
  @Test func backwardAccumulatesIntoLeaves() {
    let x = Tensor([1.0, 2.0, 3.0]).requiresGrad(true)
    (x.square().sum() * 2.0).backward()
    (x.square().sum()).backward()
    #expect(x.grad?.array(of: Double.self) == [6, 12, 18])
    x.grad = nil
    #expect(x.grad == nil)
  }

  @Test func gradientsOfSeveralInputsAndSecondOrder() {
    let x = Tensor(scalar: 3.0).requiresGrad(true), unused = Tensor(scalar: 1.0).requiresGrad(true)
    let first = gradients(of: [x.pow(3)], withRespectTo: [x, unused], createGraph: true)
    #expect(first[0]?.item() == 27)
    #expect(first[1] == nil)
    #expect(gradients(of: [first[0]!], withRespectTo: [x])[0]?.item() == 18)
  }

  @Test func gradModesNestAndAreRestored() {
    let x = Tensor(scalar: 1.0).requiresGrad(true)
    noGrad {
      #expect(!(x * 2.0).requiresGrad)
      enableGrad { #expect((x * 2.0).requiresGrad) }
      #expect(!(x * 2.0).requiresGrad)
    }
    inferenceMode { #expect(!(x * 2.0).requiresGrad) }
    #expect((x * 2.0).requiresGrad)
  }

  @Test func customFunctionsDifferentiate() {
    let times = DifferentiableFunction(inputs: 2, outputs: 1) {
      [$0[0] * $0[1]]
    } backward: { inputs, _, gradients in
      [gradients[0]! * inputs[1], nil]
    }
    let x = Tensor([2.0, 3.0]).requiresGrad(true), y = Tensor([5.0, 7.0]).requiresGrad(true)
    (times(x, y)[0] * 10.0).sum().backward()
    #expect(x.grad?.array(of: Double.self) == [50, 70])
    #expect(y.grad == nil)
  }

  @Test func anErrorInACustomBackwardBecomesTheErrorOfBackward() {
    struct Refusal: Error {}
    let refuse = DifferentiableFunction(inputs: 1, outputs: 1) {
      [$0[0] * 1.0]
    } backward: { _, _, _ in
      throw Refusal()
    }
    let x = Tensor(scalar: 1.0).requiresGrad(true)
    let error = #expect(throws: TorchError.self) { try withTorchErrors { refuse(x)[0].backward() } }
    #expect(error?.description.contains("Refusal") == true)
  }

  /// Ten thousand small training steps may not grow the process: every handle is given back. In a process of its own,
  /// since other tests allocate meanwhile.
  @Test func tenThousandStepsLeakNothing() async {
    await #expect(processExitsWith: .success) {
      Torch.threads = 1
      let weight = Tensor.randn([64, 64], generator: Generator(seed: 1)).requiresGrad(true)
      let closure = DifferentiableFunction(inputs: 1, outputs: 1) {
        [$0[0].relu()]
      } backward: { inputs, _, gradients in
        [gradients[0]! * (inputs[0] .> 0).to(.float32)]
      }
      let x = Tensor.randn([8, 64]), buffers = GradientBuffers()
      let labels = FusedLoss(labels: Array(repeating: 3, count: 8), crossEntropyScale: 1)
      func step() {
        withGradientsInPlace(buffers) {
          let h = closure(x.linear(weight))[0].rmsNorm(.ones([64]), eps: 1e-5)
          (swiGLU(h, h).square().mean() + labels(hidden: h, weight: weight).total).backward()
        }
        noGrad { weight.add_(weight.grad!, alpha: -1e-3) }
        weight.grad = nil
      }
      for _ in 0..<1_000 { step() }
      let before = try AutogradTests.residentKilobytes()
      for _ in 0..<10_000 { step() }
      let growth = try AutogradTests.residentKilobytes() - before
      // One leaked 8 x 64 tensor a step would be 20 MB.
      precondition(growth < 4_096, "grew by \(growth) kB over 10,000 steps")
    }
  }

  static func residentKilobytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
    return try #require(Int(line.split(whereSeparator: { !$0.isNumber })[0]))
  }
}
