// SPDX-License-Identifier: Apache-2.0
public import Torch

/// How products of queries and keys become the weights of attention:
///
///     s = Q Kᵀ · scale,   s ← cap · tanh(s / cap),   softmax(s + mask) V
public struct AttentionScores: Sendable, Hashable {
  /// Factor of the products; nil: 1/√D.
  public var scale: Double?
  /// Bound that scores approach, as in Gemma 2; nil for none.
  public var cap: Double?
  /// Probability that a weight is zeroed.
  public var dropout: Double

  /// Memberwise. The defaults are those of most models.
  public init(scale: Double? = nil, cap: Double? = nil, dropout: Double = 0) {
    (self.scale, self.cap, self.dropout) = (scale, cap, dropout)
  }

  /// Mixes values. A cap or dropout takes plain operators and memory for `[B, heads, T, S]`.
  ///
  /// - Parameters:
  ///   - query: `[B, heads, T, D]`.
  ///   - key: `[B, kvHeads, S, D]`; with fewer heads than the query's, each serves a group of neighbours.
  ///   - value: `[B, kvHeads, S, D]`.
  ///   - mask: additive, broadcastable to `[B, heads, T, S]`.
  ///   - causal: position t of the query looks at keys 0 … t; only without a mask, and with T = S.
  /// - Returns: `[B, heads, T, D]`.
  public func mix(_ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, causal: Bool) -> Tensor {
    guard cap != nil || dropout > 0 else {
      return scaledDotProductAttention(query, key, value, mask: mask, causal: causal, scale: scale)
    }
    let group = query.size(1) / key.size(1)
    func spread(_ x: Tensor) -> Tensor { group == 1 ? x : x.repeatInterleave(group, 1) }
    let products = query.matmul(spread(key).transpose(2, 3))
    var scores = products * (scale ?? 1 / Double(query.size(3)).squareRoot())
    if let cap { scores = (scores / cap).tanh() * cap }
    if causal {
      let seen = AttentionMask.causal(queries: query.size(2), keys: key.size(2), device: query.device)
      scores = scores + AttentionMask.additive(seen, dtype: scores.dtype)
    }
    if let mask { scores = scores + mask }
    let weights = scores.to(.float32).softmax(-1).to(query.dtype)
    return weights.dropout(dropout, training: dropout > 0).matmul(spread(value))
  }
}
