// SPDX-License-Identifier: Apache-2.0

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
  let both = Fused.rotate.many(2, query, key, cosine, sine, pairs == .adjacent)
  return (both[0], both[1])
}
