// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// Positions of tokens among images, as `get_rope_index` of transformers' `Qwen2_5_VLModel` and `Qwen3VLModel` has them:
/// in an image time stands still while row and column count; what follows goes on behind the larger of its sides.
///
///     image of R x C tokens after n positions:  time n,   row n + r,   column n + c;   the next token n + max(R, C)
struct ImagePositions {
  /// For each axis and token what is added to its place in the sequence: `[3, B, T]`.
  private(set) var offsets: [Int64]
  /// The same for the token after each row.
  private(set) var shifts: [Int]

  /// - Parameters:
  ///   - grids: rows and columns of tokens of each image.
  ///   - documents: for each row the lengths of documents that lie end to end in it, each of which begins anew.
  ///   - shifts: what is added to the first token of each row.
  init(
    _ runs: [ImageInput.Run], grids: [(rows: Int, columns: Int)], batch: Int, length: Int, documents: [[Int]]?,
    shifts: [Int]
  ) {
    (offsets, self.shifts) = ([Int64](repeating: 0, count: 3 * batch * length), shifts)
    let byRow = Dictionary(grouping: runs) { $0.start / max(length, 1) }
    for row in 0..<batch {
      var rest = (byRow[row] ?? []).sorted { $0.start < $1.start }[...], start = row * length
      let end = start + length
      for count in documents?[row] ?? [length] {
        var shift = documents == nil ? shifts[row] : 0, place = start
        while let run = rest.first, run.start < start + count {
          fill(place..<run.start, shift, batch * length)
          shift = self.place(run, grids[run.image], shift, batch * length)
          place = run.start + run.count
          rest.removeFirst()
        }
        fill(place..<max(place, start + count), shift, batch * length)
        start += count
        self.shifts[row] = shift
      }
      precondition(start <= end && rest.isEmpty, "an image outside the documents of its row")
    }
  }

  private mutating func fill(_ places: Range<Int>, _ shift: Int, _ count: Int) {
    for axis in 0..<3 {
      for place in places { offsets[axis * count + place] = Int64(shift) }
    }
  }

  /// Places an image and returns the shift behind it.
  private mutating func place(
    _ run: ImageInput.Run, _ grid: (rows: Int, columns: Int), _ shift: Int, _ count: Int
  ) -> Int {
    precondition(
      run.count == grid.rows * grid.columns, "\(run.count) tokens for an image of \(grid.rows) x \(grid.columns)")
    for index in 0..<run.count {
      let first = Int64(shift - index), place = run.start + index
      offsets[place] = first
      offsets[count + place] = first + Int64(index / grid.columns)
      offsets[2 * count + place] = first + Int64(index % grid.columns)
    }
    return shift + max(grid.rows, grid.columns) - run.count
  }
}
