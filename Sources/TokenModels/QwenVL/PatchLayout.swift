// SPDX-License-Identifier: Apache-2.0
import Torch

/// Where the patches of images lie: Qwen's processors list them square after square, row by row within one, because a
/// square becomes one token.
struct PatchLayout {
  /// An image's patches.
  struct Grid: Hashable {
    let rows: Int, columns: Int
  }

  /// Rows and columns of patches of each image.
  let grids: [Grid]
  /// Patches along a side of a square; divides all rows and columns.
  let merge: Int

  /// Patches of all images.
  var count: Int { grids.reduce(0) { $0 + $1.rows * $1.columns } }

  /// Row and column of each patch in its image, in the processors' order.
  func places(_ grid: Grid) -> [(row: Int, column: Int)] {
    let across = grid.columns / merge, area = merge * merge
    return (0..<grid.rows * grid.columns).map { patch in
      let square = patch / area, within = patch % area
      return (square / across * merge + within / merge, square % across * merge + within % merge)
    }
  }

  /// Angles of rows, then of columns: float32 `[P, D/2]`, P patches of all images.
  ///
  /// - Parameter width: D, that of a head.
  func angles(width: Int, theta: Double, device: Device) -> (cos: Tensor, sin: Tensor) {
    let half = width / 2
    let frequencies = (Tensor.arange(0, Double(half), 2) / Double(half)).power(ofBase: theta).reciprocal().to(device)
    let places = grids.flatMap { self.places($0) }
    func turned(_ positions: [Int]) -> Tensor {
      Tensor(positions.map(Float.init), device: device).unsqueeze(-1) * frequencies
    }
    let angles = Tensor.cat([turned(places.map(\.row)), turned(places.map(\.column))], -1)
    return (angles.cos(), angles.sin())
  }

  /// Stretches of patches that see each other: those of each image.
  var images: [[Int]] {
    var first = 0
    return grids.map { grid in
      defer { first += grid.rows * grid.columns }
      return Array(first..<first + grid.rows * grid.columns)
    }
  }

  /// The same inside windows of so many squares along a side, from the top left on.
  func windows(squares: Int) -> [[Int]] {
    var first = 0
    return grids.flatMap { grid in
      let side = squares * merge, across = (grid.columns + side - 1) / side
      var windows = [[Int]](repeating: [], count: (grid.rows + side - 1) / side * across)
      for (patch, place) in places(grid).enumerated() {
        windows[place.row / side * across + place.column / side].append(first + patch)
      }
      first += grid.rows * grid.columns
      return windows
    }
  }

  /// How a square table of `side` by `side` positions is resampled to the images' grids, corner on corner: for each patch
  /// four rows of the table and their shares, both `[P · 4]`. Computed in float32, as transformers does.
  func samples(ofTable side: Int) -> (rows: [Int64], shares: [Float]) {
    var rows = [Int64](), shares = [Float]()
    for grid in grids {
      let down = taps(grid.rows, side), across = taps(grid.columns, side)
      for place in places(grid) {
        for (row, rowShare) in down[place.row] {
          for (column, columnShare) in across[place.column] {
            rows.append(Int64(row * side + column))
            shares.append(rowShare * columnShare)
          }
        }
      }
    }
    return (rows, shares)
  }

  /// For each of `count` places along a side the two of the table's `side` that it lies between, and their shares.
  private func taps(_ count: Int, _ side: Int) -> [[(index: Int, share: Float)]] {
    (0..<count).map { index in
      let place = Float(index) * Float(side - 1) / Float(max(count - 1, 1)), low = place.rounded(.down)
      return [0, 1].map { step in
        (min(Int(low) + step, side - 1), max(0, 1 - abs(place - low - Float(step))))  // bounded: below side
      }
    }
  }
}
