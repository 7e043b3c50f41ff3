// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// View of the tokens for the attention of layers that see alike.
struct AttentionView {
  let angles: RotaryEmbedding.Angles?  // nil: attention knows no positions
  let pairs: RotaryPairs
  let mask: Tensor?  // additive, broadcastable to [B, heads, T, S]
  let isCausal: Bool
  let window: Int?
  let documents: DocumentAttention?
  let cache: KeyValueCache?
  /// Factor of queries by position, `[T, 1, 1]` or `[B, T, 1, 1]`.
  let queryFactor: Tensor?

  /// - Parameters:
  ///   - x: what enters the first layer, `[B, T, H]`.
  ///   - window: how many keys a query sees, its own included; nil: all before it.
  ///   - mutual: stretches of the flattened `[B · T]` tokens whose tokens see each other, later ones included.
  ///   - mutualKeepsWindow: whether they do so only as far back as the window reaches.
  ///   - documents: those of another view of the same input, so that they are laid out once.
  init(
    _ input: ModelInput, _ x: Tensor, rotary: (any RotaryAngles)?, pairs: RotaryPairs, cache: KeyValueCache?,
    window: Int? = nil, temperature: DecoderParts.QueryTemperature? = nil, mutual: [Range<Int>] = [],
    mutualKeepsWindow: Bool = false, documents: DocumentAttention? = nil
  ) {
    precondition(input.documents == nil || cache == nil, "documents end to end and a cache of earlier tokens")
    let past = cache?.length ?? 0, length = x.size(1), dtype = x.dtype, device = x.device
    let positions = input.positions(of: length, device: device)
    // Of documents the longest, without asking the positions, for which a device would be waited for.
    let whole = input.sequenceLength ?? input.documents.map { $0.joined().max() ?? 0 }
    angles = rotary.map { rotary in
      if let axes = input.axisPositions { return rotary.angles(along: axes, dtype: dtype) }
      return positions.map { rotary.angles(at: $0, length: whole, dtype: dtype) }
        ?? rotary.angles(from: past, count: length, length: whole, dtype: dtype, device: device)
    }
    queryFactor = temperature.map { $0.factor(positions ?? .arange(from: past, length, device)).to(dtype) }
    // One new token sees everything; without a past the kernel knows causal order itself.
    let isPartial = length > 1 && past > 0, reach = window.flatMap { $0 < past + length ? $0 : nil }
    let isPlain = input.mask == nil && (input.documents != nil || (!isPartial && reach == nil && mutual.isEmpty))
    var seen = isPlain ? nil : input.mask ?? AttentionMask.causal(queries: length, keys: past + length, device: device)
    if let reach { seen = seen.map { AttentionMask.windowed($0, reach) } }
    if !mutual.isEmpty {
      seen = seen.map {
        let all = AttentionMask.mutual(mutual, rows: x.size(0), queries: length, keys: past + length, device: device)
        guard let reach, mutualKeepsWindow else { return $0.logicalOr(all) }
        let near = AttentionMask.band(reach, queries: length, keys: past + length, device: device)
        return $0.logicalOr(all.logicalAnd(near))
      }
    }
    // Made additive here once, not in each layer.
    mask = seen.map { AttentionMask.additive($0, dtype: dtype) }
    isCausal = seen == nil && length > 1
    self.documents =
      documents
      ?? input.documents.map {
        DocumentAttention(
          $0, length: length, mutual: mutual, mutualKeepsWindow: mutualKeepsWindow, device: device)
      }
    (self.pairs, self.cache, self.window) = (pairs, cache, window)
  }

  /// softmax(Q Kᵀ/√D) V with rotated queries and keys: `[B, T, heads, D]` and twice `[B, T, kvHeads, D]` →
  /// `[B, T, heads·D]`, heads side by side.
  ///
  /// - Parameter scores: how Q Kᵀ becomes weights.
  func mix(
    query: Tensor, key: Tensor, value: Tensor, layer: Int, scores: AttentionScores = AttentionScores()
  ) -> Tensor {
    var (query, key) = (query, key)
    if let angles {
      (query, key) = rotated(query: query, key: key, cosine: angles.cos, sine: angles.sin, pairs: pairs)
    }
    if let queryFactor { query = query * queryFactor }
    if let documents { return documents(query: query, key: key, value: value, scores: scores, window: window) }
    var (k, v) = (key.transpose(1, 2), value.transpose(1, 2))
    if let cache { (k, v) = cache.append(layer: layer, key: k, value: v) }
    let mixed = scores.mix(query.transpose(1, 2), k, v, mask: mask, causal: isCausal)
    return mixed.transpose(1, 2).reshape([query.size(0), query.size(1), -1])
  }
}

extension ModelInput {
  /// Position of each of `length` new tokens, `[B, T]`; nil where they count on from the cache's.
  func positions(of length: Int, device: Device) -> Tensor? {
    documents.map { AttentionMask.packedPositions($0, length: length, device: device) } ?? positions
  }
}

extension ModelInput {
  /// The prompts as ranges of the flattened `[B · T]` tokens, those of a single token left out.
  func promptStretches(of length: Int) -> [Range<Int>] {
    guard let prompts, !Torch.hasFailed else { return [] }
    return prompts.enumerated().flatMap { row, prompts in
      let counts = documents?[row] ?? [length]
      precondition(prompts.count == counts.count, "\(prompts.count) prompts of \(counts.count) documents")
      var start = row * length
      return zip(prompts, counts).compactMap { prompt, count in
        defer { start += count }
        return prompt > 1 ? start..<start + min(prompt, count) : nil
      }
    }
  }
}

extension Tensor {
  /// start, start + 1, …: `[count]`, int64.
  static func arange(from start: Int, _ count: Int, _ device: Device) -> Tensor {
    .arange(Double(start), Double(start + count), dtype: .int64, device: device)
  }
}

extension DecoderParts.QueryTemperature {
  /// 1 + β ln(1 + ⌊position / length⌋): `[…, T]` → `[…, T, 1, 1]`, float32.
  fileprivate func factor(_ positions: Tensor) -> Tensor {
    let steps = (positions.to(.float32) / Double(length)).floor()
    return ((steps + 1).log() * beta + 1).unsqueeze(-1).unsqueeze(-1)
  }
}
