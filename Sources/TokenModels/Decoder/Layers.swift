// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

extension DecoderConfiguration {
  /// A normalisation as this family has it.
  func norm(width: Int? = nil) -> RMSNorm {
    RMSNorm(width ?? hiddenSize, epsilon: epsilon, isOffset: parts.normsAreOffset, device: .meta)
  }

  /// What stands in the place of a layer's MLP.
  func feedForward(ofLayer layer: Int) -> FeedForward {
    guard let experts = parts.experts, !experts.denseLayers.contains(layer) else {
      return GatedMLP(self, intermediateSize: intermediateSize)
    }
    return ExpertMLP(self, experts)
  }

  /// A layer as this family has it.
  func layer(_ index: Int) -> DecoderLayer {
    switch parts.norms {
    case .before: PreNormLayer(self, index)
    case .after: PostNormLayer(self, index)
    case .around: SandwichLayer(self, index)
    }
  }
}

/// Attention and MLP read normalised input:
///
///     h = x + s · attention(norm x),   y = h + s · mlp(norm h)
final class PreNormLayer: DecoderLayer {
  @Child("input_layernorm") private var attentionNorm: RMSNorm
  @Child("self_attn") private var attention: Attention
  @Child("post_attention_layernorm") private var mlpNorm: RMSNorm
  @Child("mlp") private var mlp: FeedForward
  private let scale: Double

  init(_ c: DecoderConfiguration, _ index: Int) {
    scale = c.parts.residualScale
    super.init()
    attentionNorm = c.norm()
    attention = Attention(c)
    mlpNorm = c.norm()
    mlp = c.feedForward(ofLayer: index)
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = attentionNorm(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let h = mlpNorm(input.sum.picking(rows), adding: attention.output(mixed.picking(rows)).times(scale))
    return (h.sum, mlp(h.normalized).times(scale))
  }
}

/// What attention and MLP give is normalised, as in OLMo 2:
///
///     h = x + norm(attention x),   y = h + norm(mlp h)
final class PostNormLayer: DecoderLayer {
  @Child("self_attn") private var attention: Attention
  @Child("post_attention_layernorm") private var attentionNorm: RMSNorm
  @Child("mlp") private var mlp: FeedForward
  @Child("post_feedforward_layernorm") private var mlpNorm: RMSNorm

  init(_ c: DecoderConfiguration, _ index: Int) {
    super.init()
    attention = Attention(c)
    attentionNorm = c.norm()
    mlp = c.feedForward(ofLayer: index)
    mlpNorm = c.norm()
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = update.map { x + $0 } ?? x
    let mixed = attention.mix(input, view, layer: index)
    let h = input.picking(rows) + attentionNorm(attention.output(mixed.picking(rows)))
    return (h, mlpNorm(mlp(h)))
  }
}

/// Normalisations around attention and MLP, as in Gemma 2 and 3:
///
///     h = x + norm₂(attention(norm₁ x)),   y = h + norm₄(mlp(norm₃ h))
final class SandwichLayer: DecoderLayer {
  @Child("input_layernorm") private var beforeAttention: RMSNorm
  @Child("self_attn") private var attention: Attention
  @Child("post_attention_layernorm") private var afterAttention: RMSNorm
  @Child("pre_feedforward_layernorm") private var beforeMLP: RMSNorm
  @Child("mlp") private var mlp: FeedForward
  @Child("post_feedforward_layernorm") private var afterMLP: RMSNorm

  init(_ c: DecoderConfiguration, _ index: Int) {
    super.init()
    beforeAttention = c.norm()
    attention = Attention(c)
    afterAttention = c.norm()
    beforeMLP = c.norm()
    mlp = c.feedForward(ofLayer: index)
    afterMLP = c.norm()
  }

  override func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    let input = beforeAttention(x, adding: update)
    let mixed = attention.mix(input.normalized, view, layer: index)
    let h = beforeMLP(input.sum.picking(rows), adding: afterAttention(attention.output(mixed.picking(rows))))
    return (h.sum, afterMLP(mlp(h.normalized)))
  }
}

extension Tensor {
  /// Itself by a factor, which mostly is 1.
  func times(_ factor: Double) -> Tensor { factor == 1 ? self : self * factor }
}
