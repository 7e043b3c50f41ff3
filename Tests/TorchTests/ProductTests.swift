// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// Products large enough for the library that is faster on this processor, against float64.
@Suite struct ProductTests {
  /// Rows, inputs, outputs: about the least size, two rows, and sides that no block divides.
  static let sizes = [(64, 256, 192), (2, 1024, 1536), (301, 130, 177)]

  private struct Layer {
    let x, weight, bias, gradient: Tensor
    var leaves: [Tensor] { [x, weight, bias] }

    init(_ size: (rows: Int, inputs: Int, outputs: Int), _ dtype: DType) {
      x = samples(size.rows, size.inputs, seed: 1).to(dtype).detach()
      weight = samples(size.outputs, size.inputs, seed: 2).to(dtype).detach()
      bias = samples(size.outputs, seed: 3).to(dtype).detach()
      gradient = samples(size.rows, size.outputs, seed: 4).to(dtype)
      for leaf in leaves { leaf.requiresGrad(true) }
    }

    func output() -> Tensor { x.linears([(weight, bias)])[0] }
    func loss() -> Tensor { (output() * gradient).sum() }
  }

  @Test(arguments: sizes)
  func layersAndTheirGradients(size: (Int, Int, Int)) throws {
    let single = Layer(size, .float32), double = Layer(size, .float64)
    // What rounding comes to in a sum of as many products; libtorch's own reach 1.2e-6 for 1,536 without AVX-512.
    let limit = max(1e-6, 0x1p-24 * Double(max(size.1, size.2)).squareRoot())
    #expect(relativeError(single.output(), double.output()) < limit)
    // Without a graph another way is taken.
    #expect(relativeError(noGrad { single.x.linear(single.weight, single.bias) }, double.output()) < limit)
    #expect(
      relativeError(noGrad { single.x.linear(single.weight) }, double.x.matmul(double.weight.transpose(0, 1))) < limit)
    let expected = gradients(of: [double.loss()], withRespectTo: double.leaves)
    for (found, wanted) in zip(gradients(of: [single.loss()], withRespectTo: single.leaves), expected) {
      #expect(relativeError(try #require(found), try #require(wanted)) < limit)
    }
    // In place, and once more on top.
    withGradientsInPlace(GradientBuffers()) { for _ in 0..<2 { single.loss().backward() } }
    for (leaf, wanted) in zip(single.leaves, expected) {
      #expect(relativeError(try #require(leaf.grad), try #require(wanted) * 2) < limit)
    }
  }

  /// Transposed and cut views, and a gradient that is one number everywhere, are products as well.
  @Test func viewsAreProductsToo() {
    let wide = samples(256, 300, seed: 5), weight = samples(192, 256, seed: 6)
    let views = [wide.transpose(0, 1), wide.narrow(1, 10, 256), wide.narrow(0, 0, 200).narrow(1, 0, 256)]
    for view in views {
      let wanted = view.to(.float64).matmul(weight.to(.float64).transpose(0, 1))
      #expect(relativeError(noGrad { view.linear(weight) }, wanted) < 1e-6)
    }
    let x = samples(128, 256, seed: 7), found = samples(192, 256, seed: 6)
    found.requiresGrad(true)
    x.linear(found).sum().backward()
    let column = x.to(.float64).sum(0, keepDim: true).expand([192, 256])
    #expect(relativeError(found.grad!, column) < 1e-6)
  }
}
