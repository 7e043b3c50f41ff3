public import Torch

/// x Wᵀ + b. Checkpoint names `weight` `[O, I]`, `bias` `[O]`.
public class Linear: Module {
  @Parameter("weight") public final var weight: Tensor
  @OptionalParameter("bias") public final var bias: Tensor?

  /// Memory is reserved but not filled (on `.meta` not even reserved): load a checkpoint or initialise.
  public init(_ input: Int, _ output: Int, bias hasBias: Bool = true, dtype: DType = .float32, device: Device = .cpu) {
    super.init()
    weight = .empty([output, input], dtype: dtype, device: device)
    if hasBias { bias = .empty([output], dtype: dtype, device: device) }
  }

  /// `[…, I]` → `[…, O]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias) }

  /// Several layers of one input `[…, I]`, in one call where they are plain: their gradients of x are then summed
  /// inside the matrix products.
  public static func together(_ layers: [Linear], _ x: Tensor) -> [Tensor] {
    // A subclass (an adapter) computes something of its own.
    guard layers.allSatisfy({ type(of: $0) == Linear.self }) else { return layers.map { $0(x) } }
    return x.linears(layers.map { ($0.weight, $0.bias) })
  }
}

/// A table of vectors. Checkpoint name `weight` `[V, H]`.
public final class Embedding: Module {
  @Parameter("weight") public var weight: Tensor

  /// Memory is reserved but not filled (on `.meta` not even reserved): load a checkpoint or initialise.
  public init(_ count: Int, _ width: Int, dtype: DType = .float32, device: Device = .cpu) {
    super.init()
    weight = .empty([count, width], dtype: dtype, device: device)
  }

  /// Integer ids `[…]` → `[…, H]`.
  public func callAsFunction(_ ids: Tensor) -> Tensor { weight.embedding(ids) }
}

/// x / √(mean x² + ε) · w over the last dimension. Checkpoint name `weight` `[H]`.
public final class RMSNorm: Module {
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

  /// x + residual and its normalisation, in one pass. All `[…, H]`.
  public func callAsFunction(_ x: Tensor, adding residual: Tensor) -> (sum: Tensor, normalized: Tensor) {
    x.rmsNorm(adding: residual, weight, eps: epsilon)
  }
}
