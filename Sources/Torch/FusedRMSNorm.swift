// SPDX-License-Identifier: Apache-2.0
import CTorch

extension Tensor {
  /// x / √(mean x² + ε) · weight over the last dimension: `[…, H]`, weight `[H]` → `[…, H]`.
  public func rmsNorm(_ weight: Tensor, eps: Double) -> Tensor {
    guard kernelsTake(self, weight), let x = handle, let w = weight.handle else {
      return plainRMSNorm(weight, eps: eps)
    }
    var sum: ct_tensor?
    return owned(1) { ct_rms_norm(x, nil, w, eps, &sum, $0) }[0]
  }

  /// A residual connection and the normalisation that follows it, in one pass: `sum` = x + residual and `normalized`
  /// = ``rmsNorm(_:eps:)`` of it. All `[…, H]`.
  public func rmsNorm(adding residual: Tensor, _ weight: Tensor, eps: Double) -> (sum: Tensor, normalized: Tensor) {
    guard kernelsTake(self, residual, weight), let x = handle, let r = residual.handle, let w = weight.handle else {
      let sum = self + residual
      return (sum, sum.plainRMSNorm(weight, eps: eps))
    }
    let both = owned(2) { ct_rms_norm(x, r, w, eps, $0, $0 + 1) }
    return (both[0], both[1])
  }

  /// The twin of the kernel, in ATen's own operations.
  func plainRMSNorm(_ weight: Tensor, eps: Double) -> Tensor { NN.rmsNorm(self, [size(-1)], weight, eps) }
}
