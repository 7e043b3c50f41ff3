// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch
import TorchNN

/// The tower of Qwen3-VL (Bai et al. 2025, arXiv 2511.21631): learnt positions, resampled to the image's grid, beside
/// those that rotate; what some layers give goes to the decoder's first ones as well (DeepStack).
final class Qwen3VisionTower: QwenVisionTower {
  @Child("patch_embed") private var projection: PatchProjection
  @Child("pos_embed") private var positions: Embedding  // a square of them, row by row
  @Children("blocks") private var blocks: [Qwen3VisionBlock]
  @Child("merger") private var merger: Qwen3Merger
  @Children("deepstack_merger_list") private var taps: [Qwen3Merger]

  init(_ c: QwenVisionConfiguration, width: Int) {
    guard case .table(let count, _) = c.family else { preconditionFailure("a tower without positions") }
    super.init(c)
    projection = PatchProjection(c, bias: true)
    positions = Embedding(count, c.hiddenSize, device: .meta)
    blocks = (0..<c.layers).map { _ in Qwen3VisionBlock(c) }
    merger = Qwen3Merger(c, width: width, normalisesSquares: false)
    taps = c.tappedLayers.map { _ in Qwen3Merger(c, width: width, normalisesSquares: true) }
  }

  override func callAsFunction(_ patches: Tensor, _ layout: PatchLayout) -> (features: Tensor, deep: [Tensor]) {
    let view = QwenVisionView(layout, configuration, device: patches.device)
    var x = projection(patches)
    x = x + positions(of: layout, device: patches.device).to(x.dtype)
    var deep = [Tensor]()
    for (index, block) in blocks.enumerated() {
      x = block(x, view)
      if let tap = configuration.tappedLayers.firstIndex(of: index) { deep.append(taps[tap](x)) }
    }
    return (merger(x), deep)
  }

  /// The table at each patch, between its four neighbours: `[P, W]`, float32.
  private func positions(of layout: PatchLayout, device: Device) -> Tensor {
    let side = Int(Double(positions.weight.size(0)).squareRoot())  // bounded: a count of at most 2^24
    let samples = layout.samples(ofTable: side)
    let rows = Tensor(samples.rows, shape: [layout.count, 4], device: device)
    let shares = Tensor(samples.shares, shape: [layout.count, 4, 1], device: device)
    return (positions(rows) * shares).sum(1)
  }
}

/// Attention, then an MLP, each on normalised input and added to its input.
final class Qwen3VisionBlock: Module {
  @Child("norm1") private var attentionNorm: LayerNorm
  @Child("attn") private var attention: QwenVisionAttention
  @Child("norm2") private var mlpNorm: LayerNorm
  @Child("mlp") private var mlp: QwenVisionMLP

  init(_ c: QwenVisionConfiguration) {
    super.init()
    attentionNorm = LayerNorm(c.hiddenSize, epsilon: 1e-6, device: .meta)
    attention = QwenVisionAttention(c)
    mlpNorm = LayerNorm(c.hiddenSize, epsilon: 1e-6, device: .meta)
    mlp = QwenVisionMLP(c.hiddenSize, c.intermediateSize, c.hiddenSize, c.activation)
  }

  /// `[P, W]` → the same.
  func callAsFunction(_ x: Tensor, _ view: QwenVisionView) -> Tensor {
    let h = x + attention(attentionNorm(x), view, in: view.whole)
    return h + mlp(mlpNorm(h))
  }
}

/// Patches of a square side by side through two matrices, normalised one by one before they are joined, or as one after.
final class Qwen3Merger: Module {
  @Child("norm") private var norm: LayerNorm
  @Child("linear_fc1") private var inner: Linear
  @Child("linear_fc2") private var outer: Linear
  private let normalisesSquares: Bool, merged: Int

  init(_ c: QwenVisionConfiguration, width: Int, normalisesSquares: Bool) {
    self.normalisesSquares = normalisesSquares
    merged = c.hiddenSize * c.squareArea
    super.init()
    norm = LayerNorm(normalisesSquares ? merged : c.hiddenSize, epsilon: 1e-6, device: .meta)
    inner = Linear(merged, merged, device: .meta)
    outer = Linear(merged, width, device: .meta)
  }

  /// `[P, W]` → `[F, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let squares = normalisesSquares ? norm(x.view([-1, merged])) : norm(x).view([-1, merged])
    return outer(inner(squares).gelu())
  }
}
