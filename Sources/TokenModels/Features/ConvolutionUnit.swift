// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// Convolution without bias, then batch normalisation with fixed statistics. Checkpoint names `conv.weight`
/// `[O, I / groups, h, w]` and `bn.{weight, bias, running_mean, running_var}` `[O]`.
final class ConvolutionUnit: Module {
  @Parameter("conv.weight") var kernel: Tensor
  @Parameter("bn.weight") var scale: Tensor
  @Parameter("bn.bias") var shift: Tensor
  @Parameter("bn.running_mean") var mean: Tensor
  @Parameter("bn.running_var") var variance: Tensor
  private let stride: Int, groups: Int, padding: Padding

  /// Where zeros are put around an image before it is convolved.
  enum Padding {
    /// As many on either side.
    case symmetric(height: Int, width: Int)
    /// As many in all as keep size / stride, rounded up; the odd one at the right and at the bottom, as TensorFlow has
    /// it.
    case same
  }

  /// Parameters have no memory yet.
  init(
    _ input: Int, _ output: Int, _ size: (height: Int, width: Int), stride: Int = 1, groups: Int = 1,
    padding: Padding = .symmetric(height: 0, width: 0)
  ) {
    (self.stride, self.groups, self.padding) = (stride, groups, padding)
    super.init()
    kernel = .empty([output, input / groups, size.height, size.width], device: .meta)
    for box in [$scale, $shift, $mean, $variance] { box.tensor = .empty([output], device: .meta) }
  }

  /// `[B, I, H, W]` → `[B, O, H′, W′]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let (padded, padding) = padded(x)
    return padded.groupedConv2d(kernel, stride: [stride, stride], padding: padding, groups: groups)
      // The ε of all networks here that have such layers.
      .batchNorm(scale, shift, mean: mean, variance: variance, eps: 1e-3)
  }

  private func padded(_ x: Tensor) -> (Tensor, [Int]) {
    switch padding {
    case .symmetric(let height, let width): return (x, [height, width])
    case .same:
      func total(_ size: Int, _ kernel: Int) -> Int {
        max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
      }
      let (height, width) = (total(x.size(2), kernel.size(2)), total(x.size(3), kernel.size(3)))
      if height % 2 == 0, width % 2 == 0 { return (x, [height / 2, width / 2]) }
      return (
        x.padded([width / 2, width - width / 2, height / 2, height - height / 2]), [0, 0]
      )
    }
  }
}
