// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Torch

extension DistanceLoss {
  /// Rows of positions whose targets are given, those with the same token after the number together: that token joins
  /// the candidates.
  func planGiven(_ targets: [MetricTarget], scale: Double) -> [LossPlan.Rows] {
    var order = [Int32?](), groups = [Int32?: [(MetricTarget, GivenTarget)]]()
    for target in targets {
      guard let given = target.given else { continue }
      if groups[given.end] == nil { order.append(given.end) }
      groups[given.end, default: []].append((target, given))
    }
    return order.map { end in planGroup(groups[end] ?? [], end: end, scale: scale) }
  }

  private func planGroup(_ group: [(target: MetricTarget, given: GivenTarget)], end: Int32?, scale: Double)
    -> LossPlan.Rows
  {
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
    return LossPlan.Rows(
      candidates: candidates.map(Int64.init), logitRows: group.map { Int64($0.target.logitRow) },
      weights: group.map { place.weight(of: $0.target.place) * scale }, targets: group.indices.map(Int64.init),
      table: .rows(p: Tensor(p, shape: shape), logP: Tensor(p.map { $0 > 0 ? log($0) : 0 }, shape: shape)))
  }
}
