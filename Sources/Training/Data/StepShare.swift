// SPDX-License-Identifier: Apache-2.0

/// Which examples of each step one of several processes takes.
///
/// A step's examples are the plan's, whatever the number of processes: each belongs to exactly one of them. They are dealt
/// longest first to the process that has the fewest tokens so far, so that all compute for about as long; a process may
/// get none of a small step.
public struct StepShare: Sendable, Hashable {
  /// This process, from 0.
  public var rank: Int
  /// How many there are.
  public var count: Int

  /// Everything: one process.
  public static let whole = StepShare(rank: 0, of: 1)

  /// Of one process among several.
  public init(rank: Int, of count: Int) {
    precondition(count > 0 && (0..<count).contains(rank), "process \(rank) of \(count)")
    (self.rank, self.count) = (rank, count)
  }

  /// Places of this process's examples in a step, ascending.
  ///
  /// - Parameter costs: tokens of each of the step's examples.
  package func dealt(_ costs: [Int]) -> [Int] {
    guard count > 1 else { return Array(costs.indices) }
    var tokens = [Int](repeating: 0, count: count), own = [Int]()
    for place in costs.indices.sorted(by: { (-costs[$0], $0) < (-costs[$1], $1) }) {
      let taker = tokens.indices.min { (tokens[$0], $0) < (tokens[$1], $1) } ?? 0
      tokens[taker] += max(costs[place], 1)
      if taker == rank { own.append(place) }
    }
    return own.sorted()
  }
}
