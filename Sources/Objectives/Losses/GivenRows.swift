// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Torch

extension DistanceLoss {
  /// Positions whose targets are given, those with the same token after the number together: that token joins
  /// the candidates.
  func planGiven(_ targets: [MetricTarget], _ factors: LossFactors) -> [LossPlan.Part] {
    var order = [Int32?](), groups = [Int32?: [(MetricTarget, GivenTarget)]]()
    for target in targets {
      guard let given = target.given else { continue }
      if groups[given.end] == nil { order.append(given.end) }
      groups[given.end, default: []].append((target, given))
    }
    return order.map { end in planGroup(groups[end] ?? [], end: end, factors) }
  }

  private func planGroup(
    _ group: [(target: MetricTarget, given: GivenTarget)], end: Int32?, _ factors: LossFactors
  ) -> LossPlan.Part {
    // A point may end a number as well as go on with it: then both are one token, and their probabilities one.
    let same = end.flatMap { space.candidate(of: $0) }
    let candidates = space.ids + (same == nil ? [end].compactMap { $0 } : [])
    let p = group.flatMap { _, given in
      precondition(given.probabilities.count == space.count, "\(given.probabilities.count) for space \(space.name)")
      var row = given.probabilities
      if let same { row[same] += given.endProbability } else if end != nil { row.append(given.endProbability) }
      return row
    }
    let shape = [group.count, candidates.count]
    return LossPlan.Part(
      term: term(
        at: group.map(\.target), candidates: candidates, targets: group.indices.map(Int64.init),
        table: .rows(p: Tensor(p, shape: shape), logP: Tensor(p.map { $0 > 0 ? log($0) : 0 }, shape: shape)), factors))
  }
}
