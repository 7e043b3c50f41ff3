// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Rotary position embedding of a square grid of tokens that one token without a place comes before.
///
/// Token 1 + r·side + c stands at row r and column c. Of a head's D/2 pairs the first half is turned by r, the second by
/// c, each by angles of the frequencies θ^(−4i/D), i < D/4. The first token's cosines and sines are all 0, so that its
/// query and key are zero, as in LlamaGen (Sun et al. 2024, arXiv 2406.06525). Coordinates 2i and 2i + 1 are a pair:
/// `RotaryPairs/adjacent`.
public final class GridRotaryEmbedding: RotaryAngles {
  private let cosines: Tensor, sines: Tensor  // [1 + side², D/2], float32, on the CPU

  /// - Parameters:
  ///   - width: D, the width of a head; divisible by 4.
  ///   - side: rows and columns of the grid.
  ///   - theta: base of the geometric series of frequencies.
  public init(width: Int, side: Int, theta: Double) {
    precondition(width > 0 && width % 4 == 0, "grid rotary embedding of width \(width)")
    let quarter = width / 4
    let exponents = Tensor.arange(0, Double(2 * quarter), 2) / Double(2 * quarter)
    let frequencies = exponents.power(ofBase: theta).reciprocal()
    let angles = Tensor.arange(0, Double(side)).unsqueeze(-1) * frequencies  // [side, D/4]
    let rows = angles.unsqueeze(1).expand([side, side, quarter])
    let columns = angles.unsqueeze(0).expand([side, side, quarter])
    let grid = Tensor.cat([rows, columns], -1).view([side * side, 2 * quarter])
    let first = Tensor.zeros([1, 2 * quarter])
    cosines = .cat([first, grid.cos()])
    sines = .cat([first, grid.sin()])
  }

  /// Positions there are angles for: 1 + side².
  public var count: Int { cosines.size(0) }

  /// Angles of the positions `start ..< start + count`, `[count, D/2]`.
  public func angles(
    from start: Int, count: Int, length: Int?, dtype: DType, device: Device
  ) -> RotaryEmbedding.Angles {
    torchPrecondition(start + count <= self.count, "position \(start + count - 1) of a grid of \(self.count) tokens")
    return RotaryEmbedding.Angles(
      cos: cosines.narrow(0, start, count).to(device, dtype: dtype),
      sin: sines.narrow(0, start, count).to(device, dtype: dtype))
  }

  /// Angles of any positions: `[…, T]` → `[…, T, D/2]`. Padding may stand beyond the grid: it gets the last angles.
  public func angles(at positions: Tensor, length: Int?, dtype: DType) -> RotaryEmbedding.Angles {
    let places = positions.minimum(Tensor(scalar: Int64(count - 1), device: positions.device))
    func rows(_ table: Tensor) -> Tensor {
      table.to(positions.device, dtype: dtype).indexSelect(0, places.flatten()).view(positions.shape + [table.size(1)])
    }
    return RotaryEmbedding.Angles(cos: rows(cosines), sin: rows(sines))
  }
}
