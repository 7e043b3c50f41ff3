// SPDX-License-Identifier: Apache-2.0
/// The last projection: logits = h Wᵀ + b, in Gemma 2 bounded by cap · tanh(logits / cap).
public struct OutputHead {
  /// `[V, H]`; the embedding table itself where the two are tied.
  public var weight: Tensor
  /// `[V]`, if the model has one.
  public var bias: Tensor?
  /// Bound that logits approach; nil for none. Who computes logits from weight and bias must heed it.
  public var cap: Double?

  /// Memberwise: weight `[V, H]`, bias `[V]`.
  public init(weight: Tensor, bias: Tensor? = nil, cap: Double? = nil) {
    self.weight = weight
    self.bias = bias
    self.cap = cap
  }

  /// Hidden states `[…, H]` → logits `[…, V]`.
  public func callAsFunction(_ hidden: Tensor) -> Tensor {
    let logits = hidden.linear(weight, bias)
    return cap.map { (logits / $0).tanh() * $0 } ?? logits
  }
}
