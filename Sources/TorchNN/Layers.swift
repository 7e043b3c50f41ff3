public import Torch

/// x Wᵀ + b. Checkpoint names `weight` `[O, I]`, `bias` `[O]`.
public class Linear: Module {
  @Parameter("weight") public final var weight: Tensor
  @OptionalParameter("bias") public final var bias: Tensor?

  /// Memory is reserved but not filled: load a checkpoint or initialise.
  public init(_ input: Int, _ output: Int, bias hasBias: Bool = true, dtype: DType = .float32) {
    super.init()
    weight = .empty([output, input], dtype: dtype)
    if hasBias { bias = .empty([output], dtype: dtype) }
  }

  /// `[…, I]` → `[…, O]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias) }
}

/// A table of vectors. Checkpoint name `weight` `[V, H]`.
public final class Embedding: Module {
  @Parameter("weight") public var weight: Tensor

  public init(_ count: Int, _ width: Int, dtype: DType = .float32) {
    super.init()
    weight = .empty([count, width], dtype: dtype)
  }

  /// Integer ids `[…]` → `[…, H]`.
  public func callAsFunction(_ ids: Tensor) -> Tensor { weight.embedding(ids) }
}

/// x / √(mean x² + ε) · w over the last dimension. Checkpoint name `weight` `[H]`.
public final class RMSNorm: Module {
  @Parameter("weight") public var weight: Tensor
  private let epsilon: Double

  public init(_ width: Int, epsilon: Double, dtype: DType = .float32) {
    self.epsilon = epsilon
    super.init()
    weight = .ones([width], dtype: dtype)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { x.rmsNorm(weight, eps: epsilon) }
}
