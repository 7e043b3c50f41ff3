// SPDX-License-Identifier: Apache-2.0
/// How sequences of different lengths become the rows of a batch.
public enum BatchLayout: Sendable, Hashable, Codable {
  /// One in each row, filled up on the right.
  case padded
  /// Several end to end, up to so many tokens in a row: first fit, longest first. A sequence that is longer has a row
  /// of its own.
  case packed(rowLength: Int)

  /// Where sequences of these lengths lie.
  func place(_ counts: [Int]) -> (rows: Int, length: Int, documents: [Range<Int>]) {
    let places: [(row: Int, offset: Int)]
    let used: [Int]
    switch self {
    case .padded: (places, used) = (counts.indices.map { ($0, 0) }, counts)
    case .packed(let rowLength): (places, used) = Self.firstFit(counts, rowLength)
    }
    let length = used.max() ?? 0
    return (
      used.count, length,
      zip(places, counts).map { place, count in
        let start = place.row * length + place.offset
        return start..<start + count
      }
    )
  }

  private static func firstFit(_ counts: [Int], _ rowLength: Int) -> (places: [(row: Int, offset: Int)], used: [Int]) {
    precondition(rowLength > 0, "rows of \(rowLength) tokens")
    var places = [(row: Int, offset: Int)](repeating: (0, 0), count: counts.count), used = [Int]()
    for index in counts.indices.sorted(by: { (-counts[$0], $0) < (-counts[$1], $1) }) {
      let row = used.firstIndex { $0 + counts[index] <= rowLength } ?? used.count
      if row == used.count { used.append(0) }
      places[index] = (row, used[row])
      used[row] += counts[index]
    }
    return (places, used)
  }
}
