// SPDX-License-Identifier: Apache-2.0
// What neural networks are made of. One line per operator: its name here is torch's.

enum NN {
  static let silu = Op("aten::silu")
  static let gelu = Op("aten::gelu"), relu = Op("aten::relu"), sigmoid = Op("aten::sigmoid"), tanh = Op("aten::tanh")
  static let softmax = Op("aten::softmax", "int"), logSoftmax = Op("aten::log_softmax", "int")
  static let logSigmoid = Op("aten::log_sigmoid"), softplus = Op("aten::softplus")
  static let crossEntropy = Op("aten::cross_entropy_loss"), nll = Op("aten::nll_loss")
  static let mse = Op("aten::mse_loss"), dropout = Op("aten::dropout")
  static let rmsNorm = Op("aten::rms_norm"), layerNorm = Op("aten::layer_norm"), groupNorm = Op("aten::group_norm")
  static let attention = Op("aten::scaled_dot_product_attention")
  static let conv2d = Op("aten::conv2d")
  static let pad = Op("aten::constant_pad_nd"), upsampleNearest = Op("aten::upsample_nearest2d")
  static let upsampleBilinear = Op("aten::upsample_bilinear2d")
  static let fusedAdamW = Op("aten::_fused_adamw_")
}

extension Tensor {
  /// Sigmoid linear unit, x · σ(x).
  public func silu() -> Tensor { NN.silu(self) }
  /// Gaussian error linear unit; `tanh` for the approximation.
  public func gelu(tanh: Bool = false) -> Tensor { NN.gelu(self, tanh ? "tanh" : "none") }
  /// Rectified linear unit, max(x, 0).
  public func relu() -> Tensor { NN.relu(self) }
  /// σ(x) = 1 / (1 + e⁻ˣ).
  public func sigmoid() -> Tensor { NN.sigmoid(self) }
  /// ln σ(x), without underflow.
  public func logSigmoid() -> Tensor { NN.logSigmoid(self) }
  /// ln(1 + eˣ).
  public func softplus() -> Tensor { NN.softplus(self) }
  /// Hyperbolic tangents.
  public func tanh() -> Tensor { NN.tanh(self) }
  /// Softmax along a dimension.
  public func softmax(_ dimension: Int) -> Tensor { NN.softmax(self, dimension) }
  /// Logarithm of the softmax along a dimension.
  public func logSoftmax(_ dimension: Int) -> Tensor { NN.logSoftmax(self, dimension) }
  /// Layer normalisation over the last dimension.
  public func layerNorm(_ weight: Tensor?, _ bias: Tensor?, eps: Double) -> Tensor {
    NN.layerNorm(self, [size(-1)], weight, bias, eps)
  }
  /// Group normalisation of `[B, C, …]`.
  public func groupNorm(_ groups: Int, _ weight: Tensor?, _ bias: Tensor?, eps: Double) -> Tensor {
    NN.groupNorm(self, groups, weight, bias, eps)
  }
  /// Zeroes elements with this probability and scales the rest, while training.
  public func dropout(_ probability: Double, training: Bool) -> Tensor { NN.dropout(self, probability, training) }
  /// Two-dimensional convolution of `[B, C, H, W]`.
  public func conv2d(_ weight: Tensor, _ bias: Tensor? = nil, stride: [Int] = [1, 1], padding: [Int] = [0, 0]) -> Tensor
  {
    NN.conv2d(self, weight, bias, stride, padding)
  }
  /// Zeros around the last dimensions: before and after the last one, then before and after the one before it, ….
  public func padded(_ counts: [Int]) -> Tensor { NN.pad(self, counts) }
  /// Images `[B, C, H, W]` of other sides `[H′, W′]`, every pixel the nearest old one.
  public func upsampledNearest(to sides: [Int]) -> Tensor { NN.upsampleNearest(self, sides) }
  /// Images `[B, C, H, W]` of other sides `[H′, W′]`, bilinear between the centres of pixels (corners not aligned, no
  /// antialiasing).
  public func upsampledBilinear(to sides: [Int]) -> Tensor {
    NN.upsampleBilinear(self, sides, false, Argument.none, Argument.none)
  }
  /// Cross entropy of logits `[N, V]` with int64 targets `[N]`.
  public func crossEntropy(
    _ targets: Tensor, reduction: Reduction = .mean, ignoreIndex: Int = -100, labelSmoothing: Double = 0
  ) -> Tensor {
    NN.crossEntropy(self, targets, Argument.none, reduction.rawValue, ignoreIndex, labelSmoothing)
  }
  /// Squared differences from a target of the same shape, reduced.
  public func meanSquaredError(_ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    NN.mse(self, target, reduction.rawValue)
  }
}

/// How a loss is summed up, with libtorch's own numbers.
public enum Reduction: Int, Sendable {
  case none = 0
  case mean = 1
  case sum = 2
}

/// Attention softmax(Q Kᵀ·scale + mask) V.
///
/// - Parameters:
///   - query: `[B, heads, T, D]`.
///   - key: `[B, kvHeads, S, D]`; with fewer heads than the query's, each serves a group of neighbours.
///   - value: `[B, kvHeads, S, D]`.
///   - mask: bool (true = may look) or additive, broadcastable to `[B, heads, T, S]`.
///   - causal: position t of the query looks at keys 0…t; only without a mask, and with T = S.
///   - scale: nil means 1/√D.
/// - Returns: `[B, heads, T, D]`.
public func scaledDotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil
) -> Tensor {
  NN.attention(query, key, value, mask, 0.0, causal, scale, query.size(1) != key.size(1))
}

/// One AdamW step over many parameters in one pass each, in place (decoupled weight decay).
///
/// `steps` are float32 scalars, one per parameter, already incremented. Lists have the same count. Gradients are
/// multiplied by `gradientFactor` (and written back so) in the same pass.
public func fusedAdamW_(
  parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor], steps: [Tensor],
  learningRate: Double, betas: (Double, Double), weightDecay: Double, epsilon: Double, gradientFactor: Double = 1
) {
  // Torch divides by its scale.
  let scale =
    gradientFactor == 1 ? nil : parameters.first.map { Tensor.full([1], 1 / gradientFactor, device: $0.device) }
  NN.fusedAdamW.run(
    parameters, gradients, firstMoments, secondMoments, [Tensor](), steps, learningRate, betas.0, betas.1, weightDecay,
    epsilon, false, false, scale)
}
