// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
import TorchNN

/// A causal decoder without its head: embeddings in, hidden states out.
///
///     x₀ = s · embedding(ids),   xₗ₊₁ = layerₗ(xₗ)   for every layer l,   hidden = norm(x_L)
final class Decoder: Module {
  @Child("embed_tokens") var embedding: Embedding
  @Children("layers") private var layers: [DecoderLayer]
  @Child("norm") private var norm: RMSNorm
  private let configuration: DecoderConfiguration
  private let layouts: [DecoderParts.Layout]
  private let rotaries: [DecoderParts.Rotary: RotaryEmbedding]
  /// See ``PretrainedModel/checkpointsActivations``.
  var recomputesLayers = false

  init(_ c: DecoderConfiguration) {
    configuration = c
    layouts = (0..<c.layers).map { c.layout(ofLayer: $0) }
    let kinds = Set(layouts.compactMap(\.rotary))
    rotaries = Dictionary(
      uniqueKeysWithValues: kinds.map {
        ($0, RotaryEmbedding(width: $0.dimension, theta: $0.theta, scaling: $0.scaling, axes: $0.axes))
      })
    super.init()
    embedding = Embedding(c.vocabularySize, c.hiddenSize, device: .meta)
    layers = (0..<c.layers).map { c.layer($0) }
    norm = c.norm()
  }

  /// Integer ids `[B, T]` → what enters the first layer, `[B, T, H]`.
  func embed(_ ids: Tensor) -> Tensor {
    let x = embedding(ids), scale = configuration.parts.embeddingScale
    // Rounded to the embeddings' type first, as transformers does.
    return scale == 1 ? x : x * Tensor.full([], scale, dtype: x.dtype, device: x.device)
  }

  /// `x` `[B, T, H]` → `[B, T, H]`, or `[N, H]` with `rows`; see ``TokenModel/hidden(_:cache:rows:)``.
  ///
  /// - Parameter additions: what is added to the output of the first layers, all before the last.
  func callAsFunction(
    _ x: Tensor, _ input: ModelInput, cache: KeyValueCache?, rows: Tensor?, adding additions: LayerAdditions? = nil
  ) -> Tensor {
    var views: [DecoderParts.Layout: AttentionView] = [:]
    let parts = configuration.parts
    let mutual =
      parts.seesWholePrompts
      ? input.promptStretches(of: x.size(1)) : parts.seesWholeImages ? input.images?.stretches ?? [] : []
    for layout in Set(layouts) {
      views[layout] = AttentionView(
        input, x, rotary: layout.rotary.flatMap { rotaries[$0] }, pairs: .halves, cache: cache, window: layout.window,
        temperature: parts.queryTemperature, mutual: mutual, mutualKeepsWindow: parts.seesWholeImages,
        documents: views.values.first?.documents)
    }
    let (last, update) = runLayers(layers, x, rows: rows, recomputing: recomputesLayers, adding: additions) {
      views[layouts[$0]]!
    }
    cache?.advance(by: x.size(1))
    return norm(last, adding: update).normalized
  }

  /// See ``TokenModel/makeCache(batch:capacity:)``.
  func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    let c = configuration
    return KeyValueCache(
      layers: c.layers, batch: batch, heads: c.keyValueHeads, capacity: capacity, width: c.headDimension,
      dtype: embedding.weight.dtype, device: embedding.weight.device)
  }
}
