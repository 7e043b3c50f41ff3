// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A layer of a decoder: mixing of positions, then work on each of them, both added to what came in. A subclass names its
/// parts and says how they follow one another.
class DecoderLayer: Module {
  /// `x` and `update` `[B, T, H]` → the same, or `[N, H]` with `rows`. The layer's output is the sum of both, which is
  /// left to the normalisation that comes next: it takes sums in the same pass.
  func callAsFunction(
    _ x: Tensor, adding update: Tensor?, _ view: AttentionView, index: Int, rows: Tensor?
  ) -> (x: Tensor, update: Tensor) {
    preconditionFailure("\(type(of: self)) does not say what it computes")
  }
}

/// Runs layers one after another, the last one only for `rows`: mixing alone looks at other positions, the rest is row
/// by row.
///
/// - Parameters:
///   - x: `[B, T, H]`
///   - view: how a layer sees the tokens.
///   - recomputing: whether to keep only what enters each layer; see ``PretrainedModel/checkpointsActivations``.
/// - Returns: two tensors to be added, `[B, T, H]` or `[N, H]` with `rows`.
func runLayers(
  _ layers: [DecoderLayer], _ x: Tensor, rows: Tensor?, recomputing: Bool, view: (_ layer: Int) -> AttentionView
) -> (x: Tensor, update: Tensor?) {
  var (x, update) = (x, Tensor?.none)
  for (index, layer) in layers.enumerated() {
    let picked = index == layers.count - 1 ? rows : nil, view = view(index)
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
