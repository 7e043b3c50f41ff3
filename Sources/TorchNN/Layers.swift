// SPDX-License-Identifier: Apache-2.0
public import Torch

/// x Wᵀ + b. Checkpoint names `weight` `[O, I]`, `bias` `[O]`.
public class Linear: Module {
  /// `[outputs, inputs]`.
  @Parameter("weight") public final var weight: Tensor
  /// `[outputs]`; nil without one.
  @OptionalParameter("bias") public final var bias: Tensor?

  /// Memory is reserved but not filled (on `.meta` not even reserved): load a checkpoint or initialise.
  public init(_ input: Int, _ output: Int, bias hasBias: Bool = true, dtype: DType = .float32, device: Device = .cpu) {
    super.init()
    weight = .empty([output, input], dtype: dtype, device: device)
    if hasBias { bias = .empty([output], dtype: dtype, device: device) }
  }

  /// A layer of weights that are there.
  init(weight: Tensor, bias: Tensor?) {
    super.init()
    self.weight = weight
    self.bias = bias
  }

  /// `[…, I]` → `[…, O]`.
  public final func callAsFunction(_ x: Tensor) -> Tensor {
    type(of: self) == Linear.self ? x.linear(weight, bias) : Linear.all([self], of: x)[0]
  }

  /// The layer of silu(gate) · up, both `[…, I]` → `[…, O]`. A plain layer does not keep that product for the backward
  /// pass.
  public final func callAsFunction(gate: Tensor, up: Tensor) -> Tensor {
    guard type(of: self) == Linear.self, bias == nil else { return self(swiGLU(gate, up)) }
    return swiGLU(gate, up, projectedBy: weight)
  }
}

/// A table of vectors. Checkpoint name `weight` `[V, H]`.
public final class Embedding: Module {
  /// One row an id: `[V, H]`.
  @Parameter("weight") public var weight: Tensor

  /// Memory is reserved but not filled (on `.meta` not even reserved): load a checkpoint or initialise.
  public init(_ count: Int, _ width: Int, dtype: DType = .float32, device: Device = .cpu) {
    super.init()
    weight = .empty([count, width], dtype: dtype, device: device)
  }

  /// Integer ids `[…]` → `[…, H]`.
  public func callAsFunction(_ ids: Tensor) -> Tensor { weight.embedding(ids) }
}

/// (x − mean x) / √(var x + ε) · w + b over the last dimension. Checkpoint names `weight` `[H]`, `bias` `[H]`.
public final class LayerNorm: Module {
  /// Scales: `[H]`.
  @Parameter("weight") public var weight: Tensor
  /// Shifts: `[H]`.
  @Parameter("bias") public var bias: Tensor
  private let epsilon: Double

  /// The weight starts at 1, the bias at 0 (on `.meta` they have no value yet).
  public init(_ width: Int, epsilon: Double, dtype: DType = .float32, device: Device = .cpu) {
    self.epsilon = epsilon
    super.init()
    weight = .ones([width], dtype: dtype, device: device)
    bias = .zeros([width], dtype: dtype, device: device)
  }

  /// `[…, H]` → `[…, H]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.layerNorm(weight, bias, eps: epsilon) }
}

/// x / √(mean x² + ε) · w over the last dimension. Checkpoint name `weight` `[H]`.
public final class RMSNorm: Module {
  /// Scales: `[H]`.
  @Parameter("weight") public var weight: Tensor
  private let epsilon: Double

  /// The weight starts at 1 (on `.meta` it has no value yet).
  public init(_ width: Int, epsilon: Double, dtype: DType = .float32, device: Device = .cpu) {
    self.epsilon = epsilon
    super.init()
    weight = .ones([width], dtype: dtype, device: device)
  }

  /// `[…, H]` → `[…, H]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.rmsNorm(weight, eps: epsilon) }

  /// Takes a residual connection's sum and normalises it, in one pass. All `[…, H]`.
  ///
  /// - Parameter update: what is added to `x`; without it the sum is `x` itself.
  public func callAsFunction(_ x: Tensor, adding update: Tensor?) -> (sum: Tensor, normalized: Tensor) {
    update.map { $0.rmsNorm(adding: x, weight, eps: epsilon) } ?? (x, x.rmsNorm(weight, eps: epsilon))
  }
}
