// SPDX-License-Identifier: Apache-2.0

/// Which paths of a level go on where there are more than can be read.
public enum PathSelection: Sendable, Hashable {
  /// The most probable ones (beam search); the others' mass is left out.
  case mostProbable
  /// A systematic sample in proportion to their probability, which holds the mass of all.
  case systematicSample
}

/// A sample of weighted paths that stands for all of them: as many as are to be kept, and their weights.
///
/// Systematic sampling with probability proportional to weight (Madow 1949): paths that weigh at least a share of the
/// whole stay as they are; of the others one is taken for each equal share of their weight, in their order, and weighs
/// that share. So the weight of all is kept, and up to any place in the order it is wrong by less than one share: where
/// paths are in the order of the numbers they write, a distribution function by less than 1/`count`.
///
/// - Parameters:
///   - weights: not negative.
///   - count: at least 1.
/// - Returns: indices in order, with weights; all of them where there are no more than `count`.
func systematicSample(_ weights: [Double], of count: Int) -> [(index: Int, weight: Double)] {
  guard weights.count > count else { return weights.enumerated().map { ($0, $1) } }
  var rest = weights.reduce(0, +), places = count
  // The heaviest first, until one weighs less than a share of what is left.
  var whole = Set<Int>()
  for index in weights.indices.sorted(by: { (weights[$0], $1) > (weights[$1], $0) }) {
    guard places > 0, weights[index] > 0, weights[index] * Double(places) >= rest else { break }
    whole.insert(index)
    rest -= weights[index]
    places -= 1
  }
  let share = rest / Double(max(1, places))
  var kept = [(index: Int, weight: Double)](), sum = 0.0, taken = 0
  for (index, weight) in weights.enumerated() {
    if whole.contains(index) {
      kept.append((index, weight))
    } else if taken < places, share > 0 {
      sum += weight
      if sum >= (Double(taken) + 0.5) * share {
        kept.append((index, share))
        taken += 1
      }
    }
  }
  return kept
}
