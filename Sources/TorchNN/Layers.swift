// SPDX-License-Identifier: Apache-2.0
public import Torch

/// x Wᵀ + b. Checkpoint names `weight` `[O, I]`, `bias` `[O]`.
public class Linear: Module {
  /// `[outputs, inputs]`, unless the layer is ``quantized``.
  @Parameter("weight") public final var weight: Tensor
  /// `[outputs]`; nil without one.
  @OptionalParameter("bias") public final var bias: Tensor?
  /// Codes that stand in the place of ``weight``, which then is frozen; see
  /// ``TokenModel/quantize(_:dtype:device:path:)``.
  @OptionalChild("weight") public internal(set) final var quantized: QuantizedWeight?
  /// Whether its weight stays as it is where those of other layers are quantised.
  public final var staysExact = false

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

  /// A layer of another one's weights.
  init(of other: Linear) {
    super.init()
    if let codes = other.quantized { quantized = codes } else { weight = other.weight }
    bias = other.bias
  }

  /// `[outputs, inputs]`.
  public final var weightShape: [Int] { quantized?.codes.shape ?? weight.shape }

  /// `[…, I]` → `[…, O]`.
  public final func callAsFunction(_ x: Tensor) -> Tensor {
    isPlain ? x.linear(weight, bias) : Linear.all([self], of: x)[0]
  }

  /// The layer of silu(gate) · up, both `[…, I]` → `[…, O]`. A plain layer does not keep that product for the backward
  /// pass.
  public final func callAsFunction(gate: Tensor, up: Tensor) -> Tensor {
    guard isPlain, bias == nil else { return self(swiGLU(gate, up)) }
    return swiGLU(gate, up, projectedBy: weight)
  }

  private var isPlain: Bool { type(of: self) == Linear.self && quantized == nil }

  /// x Wᵀ + b of the layer's own weight and this bias, without an adapter.
  final func product(_ x: Tensor, bias: Tensor?) -> Tensor {
    quantized.map { $0.codes.linear(x, bias) } ?? x.linear(weight, bias)
  }

  /// The weight as numbers, `[O, I]`, no part of a graph. A quantised one is made for the call.
  final func denseWeight(_ dtype: DType) -> Tensor {
    noGrad { quantized?.codes.decode(dtype) ?? weight.detach().to(dtype) }
  }

  /// Stores the weight as codes.
  final func quantize(_ settings: QuantizationSettings, dtype: DType, device: Device) {
    quantized = QuantizedWeight(weight, settings, dtype: dtype, device: device)
    $weight.clear()
  }

  /// Whether this is the model's last projection, or that onto the vocabulary beside it.
  final func isHead(of model: some TokenModel) -> Bool {
    $weight.isPresent && (weight === model.head.weight || weight === model.textHead?.weight)
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

  /// Takes a residual connection's sum and normalises it. All `[…, H]`.
  ///
  /// - Parameter update: what is added to `x`; without it the sum is `x` itself.
  public func callAsFunction(_ x: Tensor, adding update: Tensor?) -> (sum: Tensor, normalized: Tensor) {
    let sum = update.map { x + $0 } ?? x
    return (sum, self(sum))
  }
}

/// x / √(mean x² + ε) · w over the last dimension. Checkpoint name `weight` `[H]`.
public final class RMSNorm: Module {
  /// Scales: `[H]`, or these less 1.
  @Parameter("weight") public var weight: Tensor
  private let epsilon: Double
  /// Whether the weight is what the scales differ from 1 by, as in Gemma.
  let isOffset: Bool

  /// The scales start at 1 (on `.meta` they have no value yet).
  ///
  /// - Parameter isOffset: whether the weight is what they differ from 1 by, as in Gemma.
  public init(
    _ width: Int, epsilon: Double, isOffset: Bool = false, dtype: DType = .float32, device: Device = .cpu
  ) {
    (self.epsilon, self.isOffset) = (epsilon, isOffset)
    super.init()
    weight = .full([width], isOffset ? 0 : 1, dtype: dtype, device: device)
  }

  /// `[…, H]` → `[…, H]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    // In half precision 1 + w would lose what w says.
    guard isOffset else { return x.rmsNorm(weight, eps: epsilon) }
    let scales = scales
    return x.to(scales.dtype).rmsNorm(scales, eps: epsilon).to(x.dtype)
  }

  /// Takes a residual connection's sum and normalises it, in one pass. All `[…, H]`.
  ///
  /// - Parameter update: what is added to `x`; without it the sum is `x` itself.
  public func callAsFunction(_ x: Tensor, adding update: Tensor?) -> (sum: Tensor, normalized: Tensor) {
    guard let update else { return (x, self(x)) }
    let scales = isOffset ? scales : weight
    if scales.dtype == x.dtype { return update.rmsNorm(adding: x, scales, eps: epsilon) }
    let sum = x + update
    return (sum, self(sum))
  }

  /// 1 + w, in float32 at least.
  private var scales: Tensor { weight.to(weight.dtype == .float64 ? .float64 : .float32) + 1 }
}
