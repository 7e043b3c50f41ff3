// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A vision transformer for images of any size: patches in, squares of them out as tokens of the decoder. A subclass
/// names its parts.
///
/// Sizes in shapes: P patches of all images, F tokens of all images (P / merge²), W width, H the decoder's width.
class QwenVisionTower: Module {
  let configuration: QwenVisionConfiguration

  init(_ configuration: QwenVisionConfiguration) { self.configuration = configuration }

  /// Patches `[P, 3, p, p]` → features `[F, H]`, and those that go to each of the decoder's first layers.
  func callAsFunction(_ patches: Tensor, _ layout: PatchLayout) -> (features: Tensor, deep: [Tensor]) {
    preconditionFailure("\(type(of: self)) does not say what it computes")
  }
}

/// The tower of Qwen2.5-VL (Bai et al. 2025, arXiv 2502.13923): attention inside windows, in a few layers over the whole
/// image; normalisations and gated MLPs as a Llama has them.
final class Qwen25VisionTower: QwenVisionTower {
  @Child("patch_embed") private var projection: PatchProjection
  @Children("blocks") private var blocks: [Qwen25VisionBlock]
  @Child("merger") private var merger: Qwen25Merger
  private let wholeLayers: Set<Int>

  init(_ c: QwenVisionConfiguration, width: Int) {
    guard case .windows(_, let wholeLayers) = c.family else { preconditionFailure("a tower without windows") }
    self.wholeLayers = wholeLayers
    super.init(c)
    projection = PatchProjection(c, bias: false)
    blocks = (0..<c.layers).map { _ in Qwen25VisionBlock(c) }
    merger = Qwen25Merger(c, width: width)
  }

  override func callAsFunction(_ patches: Tensor, _ layout: PatchLayout) -> (features: Tensor, deep: [Tensor]) {
    let view = QwenVisionView(layout, configuration, device: patches.device)
    var x = projection(patches)
    for (index, block) in blocks.enumerated() {
      x = block(x, view, in: wholeLayers.contains(index) ? view.whole : view.windowed ?? view.whole)
    }
    return (merger(x), [])
  }
}

/// Attention, then a gated MLP, each on normalised input and added to its input.
final class Qwen25VisionBlock: Module {
  @Child("norm1") private var attentionNorm: RMSNorm
  @Child("attn") private var attention: QwenVisionAttention
  @Child("norm2") private var mlpNorm: RMSNorm
  @Child("mlp") private var mlp: Qwen25VisionMLP

  init(_ c: QwenVisionConfiguration) {
    super.init()
    attentionNorm = RMSNorm(c.hiddenSize, epsilon: 1e-6, device: .meta)
    attention = QwenVisionAttention(c)
    mlpNorm = RMSNorm(c.hiddenSize, epsilon: 1e-6, device: .meta)
    mlp = Qwen25VisionMLP(c)
  }

  /// `[P, W]` → the same.
  func callAsFunction(_ x: Tensor, _ view: QwenVisionView, in segments: SegmentAttention) -> Tensor {
    let h = x + attention(attentionNorm(x), view, in: segments)
    return h + mlp(mlpNorm(h))
  }
}

/// W_down(activation(W_gate x) ⊙ W_up x), with biases.
final class Qwen25VisionMLP: Module {
  @Child("gate_proj") private var gate: Linear
  @Child("up_proj") private var up: Linear
  @Child("down_proj") private var down: Linear
  private let activation: Activation

  init(_ c: QwenVisionConfiguration) {
    activation = c.activation
    super.init()
    gate = Linear(c.hiddenSize, c.intermediateSize, device: .meta)
    up = Linear(c.hiddenSize, c.intermediateSize, device: .meta)
    down = Linear(c.intermediateSize, c.hiddenSize, device: .meta)
  }

  /// `[P, W]` → the same.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let both = Linear.all([gate, up], of: x)
    return down(activation(both[0]) * both[1])
  }
}

/// Patches of a square, normalised one by one, side by side through two matrices.
final class Qwen25Merger: Module {
  @Child("ln_q") private var norm: RMSNorm
  @Child("mlp.0") private var inner: Linear
  @Child("mlp.2") private var outer: Linear
  private let merged: Int

  init(_ c: QwenVisionConfiguration, width: Int) {
    merged = c.hiddenSize * c.squareArea
    super.init()
    norm = RMSNorm(c.hiddenSize, epsilon: 1e-6, device: .meta)
    inner = Linear(merged, merged, device: .meta)
    outer = Linear(merged, width, device: .meta)
  }

  /// `[P, W]` → `[F, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor { outer(inner(norm(x).view([-1, merged])).gelu()) }
}
