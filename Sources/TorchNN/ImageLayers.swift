// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Two-dimensional convolution with a bias. Checkpoint names `weight` `[O, I, k, k]`, `bias` `[O]`.
public final class Convolution: Module {
  /// Kernels `[outputs, inputs, height, width]`.
  @Parameter("weight") public var weight: Tensor
  /// Added to each output channel: `[outputs]`.
  @Parameter("bias") public var bias: Tensor
  private let stride: Int, padding: Int

  /// Memory is reserved but not filled (on `.meta` not even reserved): load a checkpoint or initialise.
  ///
  /// - Parameters:
  ///   - kernel: k, rows and columns of the kernel.
  ///   - padding: zeros on every side; nil for as many as keep the size of an image at stride 1 and odd k.
  public init(
    _ input: Int, _ output: Int, kernel: Int, stride: Int = 1, padding: Int? = nil, dtype: DType = .float32,
    device: Device = .cpu
  ) {
    (self.stride, self.padding) = (stride, padding ?? kernel / 2)
    super.init()
    weight = .empty([output, input, kernel, kernel], dtype: dtype, device: device)
    bias = .empty([output], dtype: dtype, device: device)
  }

  /// `[B, I, H, W]` → `[B, O, H′, W′]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.conv2d(weight, bias, stride: [stride, stride], padding: [padding, padding])
  }

  /// Weight and bias uniform within ±1/√(I k²), torch's own start.
  public func initialise(generator: Generator, dtype: DType = .float32, device: Device = .cpu) {
    let shape = weight.shape, bound = 1 / Double(shape[1] * shape[2] * shape[3]).squareRoot()
    noGrad {
      func uniform(_ shape: [Int]) -> Tensor {
        .empty(shape, dtype: dtype, device: device).uniform_(-bound, bound, generator: generator)
      }
      weight = uniform(shape)
      bias = uniform([shape[0]])
    }
  }
}

/// Normalises groups of neighbouring channels of every image, then scales and shifts each channel. Checkpoint names
/// `weight` `[C]`, `bias` `[C]`.
public final class GroupNorm: Module {
  /// Scales of the channels: `[C]`.
  @Parameter("weight") public var weight: Tensor
  /// Shifts of the channels: `[C]`.
  @Parameter("bias") public var bias: Tensor
  private let groups: Int, epsilon: Double

  /// Weights start at 1, biases at 0 (on `.meta` they have no value yet).
  ///
  /// - Parameter groups: a divisor of the channels.
  public init(
    _ channels: Int, groups: Int, epsilon: Double, dtype: DType = .float32, device: Device = .cpu
  ) {
    precondition(channels % groups == 0, "\(channels) channels in \(groups) groups")
    (self.groups, self.epsilon) = (groups, epsilon)
    super.init()
    weight = .ones([channels], dtype: dtype, device: device)
    bias = .zeros([channels], dtype: dtype, device: device)
  }

  /// `[B, C, H, W]` → the same.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.groupNorm(groups, weight, bias, eps: epsilon) }

  /// Weight 1, bias 0.
  public func initialise(dtype: DType = .float32, device: Device = .cpu) {
    weight = .ones(weight.shape, dtype: dtype, device: device)
    bias = .zeros(bias.shape, dtype: dtype, device: device)
  }
}
