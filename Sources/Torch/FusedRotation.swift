// SPDX-License-Identifier: Apache-2.0
import CTorch

/// Which coordinates of a head are turned together.
public enum RotaryPairs: Sendable {
  /// j and j + P/2: the layout of Hugging Face checkpoints.
  case halves
  /// 2j and 2j + 1: the layout of Meta's checkpoints.
  case adjacent
}

/// Rotary position embedding of queries and keys: in each head, every pair is turned by the angle whose cosine and sine
/// are given for its token; entries beyond P pass unchanged.
///
/// - Parameters:
///   - query: `[B, T, heads, D]`, the projection's own layout.
///   - key: `[B, T, kvHeads, D]`.
///   - cosine: `[T, P/2]`, or `[B, T, P/2]` if sequences differ in their positions; P ≤ D.
///   - sine: of the same shape.
/// - Returns: both, in the same shapes.
public func rotated(
  query: Tensor, key: Tensor, cosine: Tensor, sine: Tensor, pairs: RotaryPairs = .halves
) -> (query: Tensor, key: Tensor) {
  guard kernelsTake(query, key, cosine, sine), let q = query.handle, let k = key.handle, let c = cosine.handle,
    let s = sine.handle
  else { return (query.plainRotated(cosine, sine, pairs), key.plainRotated(cosine, sine, pairs)) }
  let both = owned(2) { ct_rotate(q, k, c, s, pairs == .adjacent, $0, $0 + 1) }
  return (both[0], both[1])
}

extension Tensor {
  /// The twin of the kernel, in ATen's own operations.
  func plainRotated(_ cosine: Tensor, _ sine: Tensor, _ pairs: RotaryPairs = .halves) -> Tensor {
    let c = cosine.unsqueeze(-2), s = sine.unsqueeze(-2)  // the same for every head
    let half = cosine.size(-1), rest = size(-1) - 2 * half
    let first = narrow(-1, 0, 2 * half), parts: [Tensor]
    switch pairs {
    case .halves: parts = first.chunk(2, -1)
    case .adjacent:
      let apart = first.reshape(Array(shape.dropLast()) + [half, 2])
      parts = [apart.select(-1, 0), apart.select(-1, 1)]
    }
    let (a, b) = (parts[0], parts[1]), both = [a * c - b * s, b * c + a * s]
    let turned = pairs == .halves ? Tensor.cat(both, -1) : Tensor.stack(both, -1).flatten(-2)
    return rest == 0 ? turned : .cat([turned, narrow(-1, 2 * half, rest)], -1)
  }
}
