// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A layer of a decoder: mixing of positions, then work on each of them, both added to what came in. A subclass names its
/// parts and says how they follow one another.
class DecoderLayer: SuppliedModule {
  /// `x` and `update` `[B, T, H]` → the same, or `[N, H]` with `rows`. The layer's output is the sum of both, which is
  /// left to the normalisation that comes next: it takes sums in the same pass.
  func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    preconditionFailure("\(type(of: self)) does not say what it computes")
  }
}

/// What is added to some tokens behind each of the first layers, as image features are in Qwen3-VL (DeepStack; Meng et
/// al. 2024, arXiv 2406.04334).
struct LayerAdditions {
  /// The tokens, indices `[K]` into the flattened `[B · T]`.
  let rows: Tensor
  /// For each layer, from the first on, `[K, H]`.
  let features: [Tensor]

  /// The update `[B, T, H]` of a layer with what is added behind it.
  func callAsFunction(_ update: Tensor, layer: Int) -> Tensor {
    guard features.indices.contains(layer) else { return update }
    return update.flatten(0, 1).indexAdd(0, rows, features[layer].to(update.dtype)).view(update.shape)
  }
}

/// Runs layers one after another, the last one only for `rows`: mixing alone looks at other positions, the rest is row
/// by row.
///
/// - Parameters:
///   - x: `[B, T, H]`
///   - view: how a layer sees the tokens.
///   - recomputing: whether to keep only what enters each layer; see ``PretrainedModel/checkpointsActivations``. Layers
///     whose weights come from a ``SuppliedModule/supply`` always do.
///   - additions: what is added behind the first layers, all before the last.
/// - Returns: two tensors to be added, `[B, T, H]` or `[N, H]` with `rows`.
func runLayers(
  _ layers: [DecoderLayer], _ x: Tensor, rows: Tensor?, recomputing: Bool, adding additions: LayerAdditions? = nil,
  view: (_ layer: Int) -> AttentionView
) -> (x: Tensor, update: Tensor?) {
  precondition(additions.map { $0.features.count < layers.count } ?? true, "additions behind the last layer")
  var (x, update) = (x, Tensor?.none)
  for (index, layer) in layers.enumerated() {
    let picked = index == layers.count - 1 ? rows : nil, view = view(index)
    func run(_ inputs: [Tensor]) -> [Tensor] {
      let both = layer(inputs[0], adding: inputs.dropFirst().first, view, index: index, rows: picked)
      return [both.x, both.update]
    }
    let inputs = [x] + (update.map { [$0] } ?? [])
    let isRecomputed = layer.supply != nil || recomputing && view.cache == nil
    let both = isRecomputed ? recomputed(inputs, outputs: 2, supply: layer.supply, run) : run(inputs)
    (x, update) = (both[0], additions.map { $0(both[1], layer: index) } ?? both[1])
  }
  return (x, update)
}

extension Tensor {
  /// `[B, T, H]` → `[N, H]`, the rows of the flattened positions; itself without `rows`.
  func picking(_ rows: Tensor?) -> Tensor { rows.map { flatten(0, 1).indexSelect(0, $0) } ?? self }
}
