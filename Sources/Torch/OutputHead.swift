// SPDX-License-Identifier: Apache-2.0
/// The last projection: logits = h Wᵀ + b.
public struct OutputHead {
  /// `[V, H]`; the embedding table itself where the two are tied.
  public var weight: Tensor
  /// `[V]`, if the model has one.
  public var bias: Tensor?

  /// Memberwise: weight `[V, H]`, bias `[V]`.
  public init(weight: Tensor, bias: Tensor? = nil) {
    self.weight = weight
    self.bias = bias
  }

  /// Hidden states `[…, H]` → logits `[…, V]`.
  public func callAsFunction(_ hidden: Tensor) -> Tensor { hidden.linear(weight, bias) }
}
