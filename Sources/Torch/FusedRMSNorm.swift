// SPDX-License-Identifier: Apache-2.0

extension Tensor {
  /// x / √(mean x² + ε) · weight over the last dimension: `[…, H]`, weight `[H]` → `[…, H]`.
  public func rmsNorm(_ weight: Tensor, eps: Double) -> Tensor { Fused.rmsNorm(self, weight, eps) }

  /// A residual connection and the normalisation that follows it, in one pass: `sum` = x + residual and `normalized`
  /// = ``rmsNorm(_:eps:)`` of it. All `[…, H]`.
  public func rmsNorm(adding residual: Tensor, _ weight: Tensor, eps: Double) -> (sum: Tensor, normalized: Tensor) {
    let both = Fused.addRMSNorm.many(2, self, residual, weight, eps)
    return (both[0], both[1])
  }
}
