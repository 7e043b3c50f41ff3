// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch
import TorchNN

/// The vision transformer of CLIP (Radford et al. 2021, arXiv 2103.00020) and of SigLIP (Zhai et al. 2023, arXiv
/// 2303.15343): patches of an image as tokens, attention in both directions. CLIP's has a class token before them.
///
/// Sizes in shapes: N images, P patches, T tokens (P, or 1 + P), W width.
final class VisionTower: Module {
  @Child("embeddings") var embeddings: PatchEmbeddings
  // CLIP's own spelling.
  @OptionalChild("pre_layrnorm") private var before: LayerNorm?
  @Children("encoder.layers") private var layers: [VisionLayer]
  // In CLIP only the class token's final state is normalised by it; checkpoints hold it all the same.
  @Child("post_layernorm") private var after: LayerNorm

  init(_ c: VisionConfiguration) {
    super.init()
    embeddings = PatchEmbeddings(c)
    if c.family == .clip { before = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta) }
    layers = (0..<c.layers).map { _ in VisionLayer(c) }
    after = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
  }

  /// Images `[N, C, S, S]` → hidden states `[N, T, W]` after the first `count` layers.
  func callAsFunction(_ pixels: Tensor, layers count: Int) -> Tensor {
    let x = embeddings(pixels)
    return layers.prefix(count).reduce(before.map { $0(x) } ?? x) { x, layer in layer(x) }
  }

  /// Images `[N, C, S, S]` → normalised states `[N, T, W]` after all layers.
  func final(_ pixels: Tensor) -> Tensor { after(self(pixels, layers: layers.count)) }
}

/// An image's patches, projected, with a learnt position each; before them the class token, if there is one.
final class PatchEmbeddings: Module {
  @OptionalParameter("class_embedding") private var classEmbedding: Tensor?  // [W]
  @Parameter("patch_embedding.weight") private var kernel: Tensor  // [W, C, p, p]
  @OptionalParameter("patch_embedding.bias") private var bias: Tensor?  // [W]
  @Child("position_embedding") private var positions: Embedding  // [T, W]
  private let patchSize: Int

  init(_ c: VisionConfiguration) {
    patchSize = c.patchSize
    super.init()
    let hasClassToken = c.family == .clip
    kernel = .empty([c.hiddenSize, c.channels, c.patchSize, c.patchSize], device: .meta)
    if hasClassToken {
      classEmbedding = .empty([c.hiddenSize], device: .meta)
    } else {
      bias = .empty([c.hiddenSize], device: .meta)
    }
    positions = Embedding((hasClassToken ? 1 : 0) + c.side * c.side, c.hiddenSize, device: .meta)
  }

  /// `[N, C, S, S]` → `[N, T, W]`.
  func callAsFunction(_ pixels: Tensor) -> Tensor {
    let patches = pixels.to(kernel.dtype).conv2d(kernel, bias, stride: [patchSize, patchSize])
    let tokens = patches.flatten(2, -1).transpose(1, 2)
    guard let classEmbedding else { return tokens + positions.weight }
    let first = classEmbedding.expand([pixels.size(0), 1, classEmbedding.size(0)])
    return Tensor.cat([first, tokens], 1) + positions.weight
  }

  /// Randomly initialised values of the class token, the patches' projection and the positions.
  ///
  /// Positions begin as sines and cosines of row and column, as large as what normalised pixels are projected to:
  /// beside small random ones a tower does not find out where anything is for thousands of steps (docs/vision.md).
  override func initialiseTables(generator: Generator, dtype: DType, device: Device) {
    func normal(_ shape: [Int], _ deviation: Double) -> Tensor {
      .empty(shape, dtype: dtype, device: device).normal_(std: deviation, generator: generator)
    }
    let inputs = kernel.shape.dropFirst().reduce(1, *)
    noGrad {
      if let classEmbedding { self.classEmbedding = normal(classEmbedding.shape, 0.02) }
      if let bias { self.bias = .zeros(bias.shape, dtype: dtype, device: device) }
      kernel = normal(kernel.shape, 1 / Double(inputs).squareRoot())
      positions.weight = Tensor(waves, shape: positions.weight.shape).to(dtype).to(device)
    }
  }

  /// `[T, W]`: nothing for the class token; for a patch sines and cosines of its column, then of its row, from a
  /// quarter of a wave over the side to half a wave over one patch.
  private var waves: [Float] {
    let width = kernel.size(0), count = max(1, width / 4)
    let others = classEmbedding == nil ? 0 : 1
    let side = Double(positions.weight.size(0) - others).squareRoot().rounded()
    let frequencies = (0..<count).map { index in
      Double.pi / (2 * side) * pow(2 * side, Double(index) / Double(max(1, count - 1)))
    }
    func row(_ x: Int, _ y: Int) -> [Float] {
      let values = [x, y].flatMap { place in
        let angles = frequencies.map { Double(place) * $0 }
        return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
      }
      return values.prefix(width) + [Float](repeating: 0, count: max(0, width - values.count))
    }
    let places = 0..<Int(side)
    return [Float](repeating: 0, count: others * width)
      + places.flatMap { y in places.flatMap { x in row(x, y) } }
  }
}

/// Attention, then an MLP, each on normalised input and added to its input.
final class VisionLayer: Module {
  @Child("layer_norm1") private var attentionNorm: LayerNorm
  @Child("self_attn") private var attention: VisionAttention
  @Child("layer_norm2") private var mlpNorm: LayerNorm
  @Child("mlp") private var mlp: VisionMLP

  init(_ c: VisionConfiguration) {
    super.init()
    attentionNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    attention = VisionAttention(c)
    mlpNorm = LayerNorm(c.hiddenSize, epsilon: c.epsilon, device: .meta)
    mlp = VisionMLP(c)
  }

  /// `[N, T, W]` → the same.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = x + attention(attentionNorm(x))
    return h + mlp(mlpNorm(h))
  }
}

/// Attention of every token to every other of its image.
final class VisionAttention: Module {
  @Child("q_proj") private var query: Linear
  @Child("k_proj") private var key: Linear
  @Child("v_proj") private var value: Linear
  @Child("out_proj") private var output: Linear
  private let heads: Int

  init(_ c: VisionConfiguration) {
    heads = c.heads
    super.init()
    query = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
    key = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
    value = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
    output = Linear(c.hiddenSize, c.hiddenSize, device: .meta)
  }

  /// `[N, T, W]` → the same.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let parts = Linear.all([query, key, value], of: x).map {
      $0.view([x.size(0), x.size(1), heads, -1]).transpose(1, 2)
    }
    let mixed = scaledDotProductAttention(parts[0], parts[1], parts[2])
    return output(mixed.transpose(1, 2).reshape(x.shape))
  }
}

/// W₂ activation(W₁ x + b₁) + b₂.
final class VisionMLP: Module {
  @Child("fc1") private var inner: Linear
  @Child("fc2") private var outer: Linear
  private let activation: Activation

  init(_ c: VisionConfiguration) {
    activation = c.activation
    super.init()
    inner = Linear(c.hiddenSize, c.intermediateSize, device: .meta)
    outer = Linear(c.intermediateSize, c.hiddenSize, device: .meta)
  }

  /// `[…, W]` → the same.
  func callAsFunction(_ x: Tensor) -> Tensor { outer(activation(inner(x))) }
}
