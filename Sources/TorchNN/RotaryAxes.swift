// SPDX-License-Identifier: Apache-2.0
/// Which of three positions turns each pair of a head's coordinates: time, row or column of an image (M-RoPE; Wang et al.
/// 2024, arXiv 2409.12191, section 2.1). Of words all three are the same.
public struct RotaryAxes: Sendable, Hashable {
  /// For each of the D/2 pairs 0 (time), 1 (row) or 2 (column).
  public let axisOfPair: [Int]

  /// One after another: the first `time` pairs, then `row`, then `column`, as in Qwen2-VL and Qwen2.5-VL.
  public init(time: Int, row: Int, column: Int) {
    precondition(time >= 0 && row >= 0 && column >= 0, "sections of \(time), \(row), \(column) pairs")
    axisOfPair = [time, row, column].enumerated().flatMap { axis, count in [Int](repeating: axis, count: count) }
  }

  /// In turn: of the first `3 · row` pairs every third, from the second on, of the first `3 · column` every third, from
  /// the third on; all others are time's. As in Qwen3-VL.
  ///
  /// - Parameter pairs: D/2.
  public init(interleavedRow row: Int, column: Int, pairs: Int) {
    axisOfPair = (0..<pairs).map { pair in
      switch pair % 3 {
      case 1 where pair < 3 * row: 1
      case 2 where pair < 3 * column: 2
      default: 0
      }
    }
  }
}
