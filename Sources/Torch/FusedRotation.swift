import CTorch

/// Rotary position embedding of queries and keys: in each head, the pair (x[j], x[j + P/2]) is turned by the angle
/// whose cosine and sine are given for its token; entries beyond P pass unchanged.
///
/// - Parameters:
///   - query, key: `[B, T, heads, D]` and `[B, T, kvHeads, D]`, the projections' own layout.
///   - cosine, sine: `[T, P/2]`, or `[B, T, P/2]` if sequences differ in their positions; P ≤ D.
/// - Returns: both, in the same shapes.
public func rotated(
  query: Tensor, key: Tensor, cosine: Tensor, sine: Tensor
) -> (query: Tensor, key: Tensor) {
  guard kernelsTake(query, key, cosine, sine), let q = query.handle, let k = key.handle, let c = cosine.handle,
    let s = sine.handle
  else { return (query.plainRotated(cosine, sine), key.plainRotated(cosine, sine)) }
  let both = owned(2) { ct_rotate(q, k, c, s, $0, $0 + 1) }
  return (both[0], both[1])
}

extension Tensor {
  /// The twin of the kernel, in ATen's own operations.
  func plainRotated(_ cosine: Tensor, _ sine: Tensor) -> Tensor {
    let c = cosine.unsqueeze(-2), s = sine.unsqueeze(-2)  // the same for every head
    let half = cosine.size(-1), rest = size(-1) - 2 * half
    let a = narrow(-1, 0, half), b = narrow(-1, half, half)
    let turned = [a * c - b * s, b * c + a * s]
    return .cat(rest == 0 ? turned : turned + [narrow(-1, 2 * half, rest)], -1)
  }
}
