// SPDX-License-Identifier: Apache-2.0
/// A target's conditional at one place of a number.
public struct PlaceTarget: Sendable, Hashable {
  /// Probability of each candidate of the space, count M.
  public var candidates: [Double]
  /// Probability that the number ends here.
  public var end: Double
}

extension NumberTrie {
  /// The exact conditionals of a target along a value's tokens, one for each and one for its end: at each place the mass
  /// of the values that begin so, divided by the mass of those that begin with what stands before. Where nothing that
  /// begins so has mass, it is even over what may follow.
  ///
  /// What is looked at are the stretches with all but 1e-15 of a place's own mass: that many sums, however many values
  /// there are.
  public func places(along index: Int, _ mass: some ValueMass) -> [PlaceTarget] {
    let nodes = nodes(along: index)
    var places = [PlaceTarget](), probability = 1.0  // that a number begins so
    for (depth, node) in nodes.enumerated() {
      let weights = weights(at: node, mass, within: mass.window(leavingOut: Self.spare * probability))
      let sum = weights.children.reduce(weights.end, +), children = children(of: node)
      let allowed = Double(children.count + (weights.hasEnd ? 1 : 0))
      var place = PlaceTarget(candidates: [Double](repeating: 0, count: space.count), end: 0)
      for (child, weight) in zip(children, weights.children) {
        place.candidates[Int(candidates[child])] = sum > 0 ? weight / sum : 1 / allowed
      }
      if weights.hasEnd { place.end = sum > 0 ? weights.end / sum : 1 / allowed }
      if depth + 1 < nodes.count { probability *= place.candidates[Int(candidates[nodes[depth + 1]])] }
      places.append(place)
    }
    return places
  }

  private static let spare = 1e-15

  /// Mass of the values that go on with each child of a node, and of the one that ends there.
  private func weights(
    at node: Int, _ mass: some ValueMass, within window: ClosedRange<Int>
  ) -> (children: [Double], end: Double, hasEnd: Bool) {
    let least = format.indices.lowerBound, all = stretches(of: node), children = children(of: node)
    var sums = [Double](repeating: 0, count: children.count), end = 0.0
    let first = all.firstByHalving { least + Int(highs[$0]) >= window.lowerBound } ?? all.upperBound
    for at in first..<all.upperBound {
      let low = least + Int(lows[at]), high = least + Int(highs[at])
      if low > window.upperBound { break }
      let sum = mass.mass(of: low...high)
      if ways[at] == Self.end { end = sum } else { sums[Int(ways[at]) - children.lowerBound] += sum }
    }
    return (sums, end, value(at: node) != nil)
  }
}
