// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// Grouped-query attention with rotated queries and keys.
///
///     q, k, v = W_q x, W_k x, W_v x        normalised and rotated as the family says
///     mixed = softmax(scores(q kᵀ)) v      each query over the keys it sees
///     output = W_o mixed
final class Attention: Module {
  @OptionalChild("q_proj") private var query: Linear?
  @OptionalChild("k_proj") private var key: Linear?
  @OptionalChild("v_proj") private var value: Linear?
  @Child("o_proj") var output: Linear
  // In the place of the first three.
  @OptionalChild("qkv_proj") private var fused: Linear?
  @OptionalChild("q_norm") private var queryNorm: RMSNorm?
  @OptionalChild("k_norm") private var keyNorm: RMSNorm?
  private let headDimension: Int, widths: [Int], parts: DecoderParts

  init(_ c: DecoderConfiguration) {
    (headDimension, parts) = (c.headDimension, c.parts)
    widths = [c.heads, c.keyValueHeads, c.keyValueHeads].map { $0 * c.headDimension }
    super.init()
    if c.fusesProjections {
      fused = Linear(c.hiddenSize, widths.reduce(0, +), bias: c.attentionBias, device: .meta)
    } else {
      query = Linear(c.hiddenSize, widths[0], bias: c.attentionBias, device: .meta)
      key = Linear(c.hiddenSize, widths[1], bias: c.attentionBias, device: .meta)
      value = Linear(c.hiddenSize, widths[2], bias: c.attentionBias, device: .meta)
    }
    output = Linear(
      c.heads * c.headDimension, c.hiddenSize, bias: c.parts.outputBias ?? c.attentionBias, device: .meta)
    if let kind = c.parts.queryKeyNorm {
      queryNorm = c.norm(width: kind == .eachHead ? headDimension : widths[0])
      keyNorm = c.norm(width: kind == .eachHead ? headDimension : widths[1])
    }
  }

  /// Heads side by side, before the output projection: `[B, T, H]` → `[B, T, heads·D]`.
  func mix(_ x: Tensor, _ view: AttentionView, layer: Int) -> Tensor {
    let (batch, length) = (x.size(0), x.size(1))
    var parts = fused.map { $0(x).split(widths, -1) } ?? Linear.all([query, key, value].compactMap { $0 }, of: x)
    if self.parts.queryKeyNorm == .allHeads { parts = normalized(parts) }
    // [B, T, heads, D] each
    var heads = parts.map { $0.view([batch, length, -1, headDimension]) }
    if self.parts.queryKeyNorm == .eachHead { heads = normalized(heads) }
    return view.mix(query: heads[0], key: heads[1], value: heads[2], layer: layer, scores: self.parts.scores)
  }

  /// Queries and keys normalised, values as they are.
  private func normalized(_ parts: [Tensor]) -> [Tensor] {
    zip(parts, [queryNorm, keyNorm, nil]).map { part, norm in norm.map { $0(part) } ?? part }
  }
}
