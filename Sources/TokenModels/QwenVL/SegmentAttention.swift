// SPDX-License-Identifier: Apache-2.0
import Torch

/// Attention of every token to every other of its segment: an image, or a window of one. Segments of one length share a
/// call of the usual kernel.
struct SegmentAttention {
  private let groups: [(count: Int, length: Int)]
  /// The groups' tokens end to end, and for each token its place there; nil: as they are.
  private let order: (rows: Tensor, places: Tensor)?

  /// - Parameter segments: tokens of each, every token of 0 ..< count in one.
  init(_ segments: [[Int]], device: Device) {
    let byLength = Dictionary(grouping: segments, by: \.count).sorted { $0.key < $1.key }
    groups = byLength.map { ($0.value.count, $0.key) }
    let rows = byLength.flatMap { $0.value.flatMap { $0 } }
    var places = [Int64](repeating: 0, count: rows.count)
    for (place, row) in rows.enumerated() { places[row] = Int64(place) }
    let isOrdered = rows.indices.allSatisfy { rows[$0] == $0 }
    order = isOrdered ? nil : (Tensor(rows.map(Int64.init), device: device), Tensor(places, device: device))
  }

  /// softmax(Q Kᵀ/√D) V in each segment: `[P, heads, D]` each → `[P, heads · D]`.
  func callAsFunction(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
    let sizes = groups.map { $0.count * $0.length }
    let parts = [query, key, value].map { part in
      (order.map { part.indexSelect(0, $0.rows) } ?? part).split(sizes, 0)
    }
    let mixed = groups.enumerated().map { index, group in
      let heads = parts.map {
        $0[index].reshape([group.count, group.length, $0[index].size(1), $0[index].size(2)]).transpose(1, 2)
      }
      return scaledDotProductAttention(heads[0], heads[1], heads[2]).transpose(1, 2)
        .reshape([group.count * group.length, -1])
    }
    let all = mixed.count == 1 ? mixed[0] : Tensor.cat(mixed)
    return order.map { all.indexSelect(0, $0.places) } ?? all
  }
}
