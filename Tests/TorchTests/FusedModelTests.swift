// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Torch

/// RMSNorm, rotary embedding and SwiGLU: kernels against their plain twins, both against PyTorch.
@Suite struct FusedModelTests {
  static let widths = [2, 3, 16, 41, 64, 401, 576, 1271]

  @Test(arguments: kernelLevels, widths)
  func rmsNormEqualsItsTwin(level: KernelLevel, width: Int) {
    for rows in [1, 3, 70] {
      let inputs = [samples(rows, width, seed: 1, scale: 3), samples(width, seed: 2)]
      let found = error(of: { [$0[0].rmsNorm($0[1], eps: 1e-5)] }, at: inputs, level: level)
      #expect(found < 1e-6, "\(rows) rows: \(found)")
    }
  }

  /// A single element is ±w whatever x is: its gradient is what cancellation leaves of terms of size w/|x|.
  @Test(arguments: kernelLevels) func rmsNormOfOneElementIsItsSign(level: KernelLevel) {
    withKernels(level) {
      let x = Tensor([-3, 0.5, 2] as [Float], shape: [3, 1]).requiresGrad(true), w = Tensor([2] as [Float])
      let y = x.rmsNorm(w, eps: 0)
      y.sum().backward()
      #expect(y.isClose(to: Tensor([-2, 2, 2] as [Float], shape: [3, 1]), relative: 1e-6))
      #expect(x.grad!.abs().max().item() < 4e-7)
    }
  }

  @Test(arguments: kernelLevels, widths)
  func residualRMSNormEqualsItsTwin(level: KernelLevel, width: Int) {
    let inputs = [samples(2, 9, width, seed: 1), samples(2, 9, width, seed: 2), samples(width, seed: 3)]
    let function: ([Tensor]) -> [Tensor] = {
      let both = $0[0].rmsNorm(adding: $0[1], $0[2], eps: 1e-6)
      return [both.sum, both.normalized]
    }
    #expect(error(of: function, at: inputs, level: level) < 1e-6)
    // Either output may be all that is used.
    for only in 0..<2 { #expect(error(of: { [function($0)[only]] }, at: inputs, level: level) < 1e-6) }
  }

  @Test(arguments: kernelLevels, [2, 6, 32, 64, 82])
  func rotationEqualsItsTwin(level: KernelLevel, width: Int) {
    let (batch, length) = (2, 5)
    for angles in [[length], [batch, length]] {
      for turned in Set([width, width - width % 4]) where turned > 0 {  // all, or a part of the head
        let angle = Tensor.rand(angles + [turned / 2], generator: Generator(seed: 3)) * 6
        let (cosine, sine) = (angle.cos(), angle.sin())
        let function: ([Tensor]) -> [Tensor] = {
          let both = rotated(
            query: $0[0], key: $0[1], cosine: cosine.to($0[0].dtype), sine: sine.to($0[0].dtype))
          return [both.query, both.key]
        }
        let inputs = [samples(batch, length, 3, width, seed: 1), samples(batch, length, 1, width, seed: 2)]
        #expect(error(of: function, at: inputs, level: level) < 1e-6)
        let byHead: (Tensor) -> Tensor = { $0.transpose(1, 2).contiguous().transpose(1, 2) }
        #expect(error(of: function, at: inputs, level: level, prepare: byHead) < 1e-6)
        #expect(error(of: { [function($0)[1]] }, at: inputs, level: level) < 1e-6)
      }
    }
  }

  /// Neighbours as pairs: against the plain twin, and that against complex multiplication.
  @Test(arguments: kernelLevels, [2, 6, 32, 64, 82])
  func rotationOfNeighboursEqualsItsTwin(level: KernelLevel, width: Int) {
    for turned in Set([width, width - width % 4]) where turned > 0 {
      let angle = Tensor.rand([5, turned / 2], generator: Generator(seed: 3)) * 6
      let function: ([Tensor]) -> [Tensor] = {
        let both = rotated(
          query: $0[0], key: $0[1], cosine: angle.cos().to($0[0].dtype), sine: angle.sin().to($0[0].dtype),
          pairs: .adjacent)
        return [both.query, both.key]
      }
      // Parts of one projection, as LlamaGen has them.
      let inputs = [samples(2, 5, 3, width, seed: 1), samples(2, 5, 1, width, seed: 2)]
      let asPart: (Tensor) -> Tensor = { .cat([$0, $0], 2).narrow(2, 0, $0.size(2)) }
      #expect(error(of: function, at: inputs, level: level) < 1e-6)
      #expect(error(of: function, at: inputs, level: level, prepare: asPart) < 1e-6)

      let found = withKernels(level) { function(inputs)[0] }.array(of: Double.self)
      let x = inputs[0].array(of: Double.self), angles = angle.array(of: Double.self)
      var worst = 0.0
      for index in x.indices {
        let place = index % width, token = index / (3 * width) % 5, j = place / 2
        guard place < turned else {
          worst = max(worst, abs(found[index] - x[index]))
          continue
        }
        let (c, s) = (cos(angles[token * turned / 2 + j]), sin(angles[token * turned / 2 + j]))
        let expected = place % 2 == 0 ? x[index] * c - x[index + 1] * s : x[index] * c + x[index - 1] * s
        worst = max(worst, abs(found[index] - expected))
      }
      #expect(worst < 1e-5)
    }
  }

  @Test(arguments: kernelLevels, widths)
  func swiGLUEqualsItsTwin(level: KernelLevel, width: Int) {
    let inputs = [samples(5, width, seed: 1, scale: 4), samples(5, width, seed: 2)]
    #expect(error(of: { [swiGLU($0[0], $0[1])] }, at: inputs, level: level) < 1e-6)
    let joined = [Tensor.cat(inputs, 1)]
    #expect(error(of: { [swiGLU($0[0])] }, at: joined, level: level) < 1e-6)
    #expect(withKernels(level) { swiGLU(joined[0]).isEqual(to: swiGLU(inputs[0], inputs[1])) })
  }

  @Test(arguments: kernelLevels, widths)
  func projectedSwiGLUEqualsItsTwin(level: KernelLevel, width: Int) {
    let inputs = [samples(2, 5, width, seed: 1, scale: 4), samples(2, 5, width, seed: 2), samples(7, width, seed: 3)]
    #expect(error(of: { [swiGLU($0[0], $0[1], projectedBy: $0[2])] }, at: inputs, level: level) < 1e-6)
    // The same bits as the two operations, and no gradient where none is wanted.
    withKernels(level) {
      let leaves = inputs.map { $0.to(.float32).requiresGrad(true) },
        twins = leaves.map { $0.detach().requiresGrad(true) }
      let frozen = leaves[2].detach()
      let fused = swiGLU(leaves[0], leaves[1], projectedBy: leaves[2]),
        apart = swiGLU(twins[0], twins[1]).linear(twins[2])
      (fused * fused).sum().backward()
      (apart * apart).sum().backward()
      #expect(fused.isEqual(to: apart))
      for (leaf, twin) in zip(leaves, twins) { #expect(leaf.grad!.isEqual(to: twin.grad!)) }
      leaves[0].grad = nil
      swiGLU(leaves[0], twins[1].detach(), projectedBy: frozen).sum().backward()
      #expect(leaves[0].grad != nil)
      #expect(frozen.grad == nil)
    }
  }

  @Test(arguments: kernelLevels)
  func viewsThatAreNotContiguousAreRead(level: KernelLevel) {
    let turned: (Tensor) -> Tensor = { $0.dimensions == 2 ? $0.transpose(0, 1).contiguous().transpose(0, 1) : $0 }
    let x = samples(7, 19, seed: 1), y = samples(7, 19, seed: 2), w = samples(19, seed: 3)
    #expect(error(of: { [$0[0].rmsNorm($0[1], eps: 1e-5)] }, at: [x, w], level: level, prepare: turned) < 1e-6)
    #expect(error(of: { [swiGLU($0[0], $0[1])] }, at: [x, y], level: level, prepare: turned) < 1e-6)
    let strided = error(
      of: { [$0[0].rmsNorm($0[1].transpose(0, 1).select(0, 0), eps: 1e-5)] }, at: [x, samples(19, 2, seed: 4)],
      level: level)
    #expect(strided < 1e-6)
  }

  @Test(arguments: kernelLevels)
  func nothingAndExtremesAreAnswered(level: KernelLevel) {
    withKernels(level) {
      let w = Tensor.ones([4]).requiresGrad(true), none = Tensor.zeros([0, 4]).requiresGrad(true)
      none.rmsNorm(w, eps: 1e-5).sum().backward()
      #expect(w.grad?.array(of: Float.self) == [0, 0, 0, 0])
      #expect(swiGLU(none, none).shape == [0, 4])
      let cosine = Tensor.ones([0, 2])
      let empty = rotated(query: .zeros([2, 0, 3, 4]), key: .zeros([2, 0, 1, 4]), cosine: cosine, sine: cosine)
      #expect(empty.query.shape == [2, 0, 3, 4])

      let gates = Tensor([-1e30, -200, -88, 88, 200, 1e30, .nan] as [Float]), ones = gates.onesLike()
      let values = swiGLU(gates, ones).array(of: Float.self)
      #expect(values[0] == 0 && values[1] == 0 && abs(values[2]) < 1e-30)
      #expect(values[3] == 88 && values[4] == 200 && values[5] == 1e30 && values[6].isNaN)
      #expect(Tensor.zeros([1, 4]).rmsNorm(w, eps: 1e-5).array(of: Float.self) == [0, 0, 0, 0])
      #expect(Tensor([1, .infinity] as [Float]).rmsNorm(.ones([2]), eps: 1e-5).array(of: Float.self)[1].isNaN)
    }
  }

  /// The kernels' eˣ, through sigmoid, is good to a few units in the last place wherever it is a normal number.
  @Test(arguments: kernelLevels)
  func exponentialsAreAccurate(level: KernelLevel) {
    let x = Tensor.arange(-80, 80, 1.0 / 512).to(.float32), ones = x.onesLike()
    let found = withKernels(level) { swiGLU(x, ones) }.to(.float64), exact = x.to(.float64).silu()
    let error = ((found - exact).abs() / exact.abs().clamp(1e-38, nil)).max().item()
    #expect(error < 4e-7, "\(error)")
  }

  @Test(arguments: kernelLevels)
  func threadsDoNotChangeAnyBit(level: KernelLevel) {
    let x = samples(700, 576, seed: 1), r = samples(700, 576, seed: 2), w = samples(576, seed: 3)
    func derived(_ threads: Int) -> Derived {
      let before = Torch.threads
      Torch.threads = threads
      defer { Torch.threads = before }
      return withKernels(level) {
        Derived([x, r, w], upstream: [x, r, x]) {
          let both = $0[0].rmsNorm(adding: $0[1], $0[2], eps: 1e-5)
          return [both.sum, both.normalized, swiGLU($0[0], $0[1])]
        }
      }
    }
    let one = derived(1), two = derived(2)
    for (a, b) in zip(one.outputs + one.gradients, two.outputs + two.gradients) { #expect(a.isEqual(to: b)) }
  }

  @Test(arguments: kernelLevels)
  func aRetainedGraphGivesTheSameGradientAgain(level: KernelLevel) {
    withKernels(level) {
      let x = samples(3, 8, seed: 1).requiresGrad(true), w = samples(8, seed: 2).requiresGrad(true)
      let y = swiGLU(x.rmsNorm(w, eps: 1e-5), x).sum()
      y.backward(retainGraph: true)
      let once = (x: x.grad!.clone(), w: w.grad!.clone())
      y.backward(Tensor(scalar: Float(2)))
      #expect(relativeError(x.grad!, once.x * 3) < 1e-6)
      #expect(relativeError(w.grad!, once.w * 3) < 1e-6)
    }
  }

  @Test func aSecondDerivativeIsRefusedWithTheWayOut() throws {
    let x = samples(3, 8, seed: 1).requiresGrad(true)
    func second() throws {
      try withTorchErrors {
        let first = gradients(of: [swiGLU(x, x).sum()], withRespectTo: [x], createGraph: true)
        if let first = first[0] { _ = gradients(of: [first.sum()], withRespectTo: [x]) }
      }
    }
    if KernelLevel.current != .plain {
      let error = #expect(throws: TorchError.self) { try second() }
      #expect(error?.description.contains("withKernels(.plain)") == true)
    }
    try withKernels(.plain) { try second() }
  }

  @Test func wrongShapesAreErrors() {
    let x = Tensor.ones([2, 4]), cosine = Tensor.ones([3, 4])
    #expect(throws: TorchError.self) { try withTorchErrors { x.rmsNorm(.ones([3]), eps: 1e-5) } }
    #expect(throws: TorchError.self) { try withTorchErrors { x.rmsNorm(adding: .ones([4]), .ones([4]), eps: 1) } }
    #expect(throws: TorchError.self) { try withTorchErrors { swiGLU(x, .ones([4, 2])) } }
    #expect(throws: TorchError.self) { try withTorchErrors { swiGLU(.ones([2, 3])) } }
    let q = Tensor.ones([2, 3, 1, 6])  // tables wider than half a head
    #expect(throws: TorchError.self) {
      try withTorchErrors { rotated(query: q, key: q, cosine: cosine, sine: cosine) }
    }
  }

  @Test func otherTypesTakeThePlainTwin() {
    let x = samples(3, 8, seed: 1).to(.bfloat16), w = samples(8, seed: 2).to(.bfloat16)
    #expect(x.rmsNorm(w, eps: 1e-5).dtype == .bfloat16)
    #expect(swiGLU(x, x).dtype == .bfloat16)
    let q = samples(1, 3, 2, 4, seed: 3).to(.bfloat16), angles = samples(3, 2, seed: 4).to(.bfloat16)
    #expect(rotated(query: q, key: q, cosine: angles, sine: angles).query.dtype == .bfloat16)
  }

  /// Tests/Fixtures/kernels/make.py
  @Test(arguments: [KernelLevel.plain] + kernelLevels, [DType.float64, .float32])
  func valuesAndGradientsArePyTorchs(level: KernelLevel, dtype: DType) throws {
    let cases = try KernelFixture.load("model.json")
    let limit = dtype == .float64 ? 1e-13 : 1e-6
    try withKernels(level) {
      let norm = try #require(cases["rms_norm"]), residual = try #require(cases["residual_rms_norm"])
      #expect(norm.error(in: dtype) { [$0[0].rmsNorm($0[1], eps: norm.epsilon!)] } < limit)
      let both = residual.error(in: dtype) {
        let both = $0[0].rmsNorm(adding: $0[1], $0[2], eps: residual.epsilon!)
        return [both.sum, both.normalized]
      }
      #expect(both < limit)
      let rotate = try #require(cases["rotate"]), gated = try #require(cases["swiglu"])
      let turned = rotate.error(in: dtype) {
        let both = rotated(
          query: $0[0], key: $0[1], cosine: rotate.cosine!.tensor.to(dtype), sine: rotate.sine!.tensor.to(dtype))
        return [both.query, both.key]
      }
      #expect(turned < limit)
      #expect(gated.error(in: dtype) { [swiGLU($0[0], $0[1])] } < limit)
    }
  }
}
