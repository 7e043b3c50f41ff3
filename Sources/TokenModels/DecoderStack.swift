// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A layer of a decoder: mixing of positions, then work on each of them, both added to what came in.
protocol DecoderLayer: Module {
  /// `x` and `update` `[B, T, H]` → the same, or `[N, H]` with `rows`. The layer's output is the sum of both, which is
  /// left to the normalisation that comes next: it takes sums in the same pass.
  func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor)
}

/// Runs layers one after another, the last one only for `rows`: mixing alone looks at other positions, the rest is row
/// by row.
///
/// - Parameters:
///   - x: `[B, T, H]`
///   - recomputing: whether to keep only what enters each layer; see ``PretrainedModel/checkpointsActivations``.
/// - Returns: two tensors to be added, `[B, T, H]` or `[N, H]` with `rows`.
func runLayers(
  _ layers: [some DecoderLayer], _ x: Tensor, _ view: AttentionView, rows: Tensor?, recomputing: Bool
) -> (x: Tensor, update: Tensor?) {
  var (x, update) = (x, Tensor?.none)
  for (index, layer) in layers.enumerated() {
    let picked = index == layers.count - 1 ? rows : nil
    func run(_ inputs: [Tensor]) -> [Tensor] {
      let both = layer(inputs[0], adding: inputs.dropFirst().first, view, index: index, rows: picked)
      return [both.x, both.update]
    }
    let inputs = [x] + (update.map { [$0] } ?? [])
    let both = recomputing && view.cache == nil ? recomputed(inputs, outputs: 2, run) : run(inputs)
    (x, update) = (both[0], both[1])
  }
  return (x, update)
}

extension Tensor {
  /// `[B, T, H]` → `[N, H]`, the rows of the flattened positions; itself without `rows`.
  func picking(_ rows: Tensor?) -> Tensor { rows.map { flatten(0, 1).indexSelect(0, $0) } ?? self }
}

/// View of the tokens for every layer's attention.
struct AttentionView {
  let angles: RotaryEmbedding.Angles
  let pairs: RotaryPairs
  let mask: Tensor?  // additive, broadcastable to [B, heads, T, S]
  let isCausal: Bool
  let documents: DocumentAttention?
  let cache: KeyValueCache?

  /// - Parameter x: what enters the first layer, `[B, T, H]`.
  init(
    _ input: ModelInput, _ x: Tensor, rotary: any RotaryAngles, pairs: RotaryPairs, cache: KeyValueCache?
  ) {
    precondition(input.documents == nil || cache == nil, "documents end to end and a cache of earlier tokens")
    let past = cache?.length ?? 0, length = x.size(1), dtype = x.dtype, device = x.device
    let positions =
      input.documents.map { AttentionMask.packedPositions($0, length: length, device: device) } ?? input.positions
    let whole = input.sequenceLength
    angles =
      positions.map { rotary.angles(at: $0, length: whole, dtype: dtype) }
      ?? rotary.angles(from: past, count: length, length: whole, dtype: dtype, device: device)
    // One new token sees everything; without a past the kernel knows causal order itself.
    let isPartial = length > 1 && past > 0
    let seen =
      input.mask ?? (isPartial ? AttentionMask.causal(queries: length, keys: past + length, device: device) : nil)
    // Made additive here once, not in each layer.
    self.mask = seen.map { Tensor.zeros([], dtype: dtype, device: device).maskedFill($0.logicalNot(), -.infinity) }
    isCausal = seen == nil && length > 1
    documents = input.documents.map { DocumentAttention($0, length: length, device: device) }
    (self.pairs, self.cache) = (pairs, cache)
  }

  /// softmax(Q Kᵀ/√D) V with rotated queries and keys: `[B, T, heads, D]` and twice `[B, T, kvHeads, D]` →
  /// `[B, T, heads·D]`, heads side by side.
  func mix(query: Tensor, key: Tensor, value: Tensor, layer: Int) -> Tensor {
    let turned = rotated(query: query, key: key, cosine: angles.cos, sine: angles.sin, pairs: pairs)
    if let documents { return documents(query: turned.query, key: turned.key, value: value) }
    var (k, v) = (turned.key.transpose(1, 2), value.transpose(1, 2))
    if let cache { (k, v) = cache.append(layer: layer, key: k, value: v) }
    let mixed = scaledDotProductAttention(turned.query.transpose(1, 2), k, v, mask: mask, causal: isCausal)
    return mixed.transpose(1, 2).reshape([query.size(0), query.size(1), -1])
  }
}
