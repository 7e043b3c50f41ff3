// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// How much of an optimizer step goes through the model at once.
public enum MicroBatch: Sendable, Hashable, Codable {
  /// All of it.
  case wholeStep
  /// So many examples.
  case examples(Int)
  /// As many examples as make at most so many tokens, all documents and contrastive passes included; at least one.
  /// Where rows are padded, padding counts.
  case tokens(Int)

  /// The step's examples in parts. Neighbours in length share one, which saves padding and changes no sum.
  func cut(_ step: [Chosen], _ layout: BatchLayout, twoPass: Bool) -> [[Chosen]] {
    // A process of several may have none.
    if step.isEmpty { return [] }
    switch self {
    case .wholeStep: return [step]
    case .examples(let limit):
      precondition(limit > 0, "micro-batches of \(limit) examples")
      guard step.count > limit else { return [step] }
      return split(step) { part, _ in part.count < limit }
    case .tokens(let limit):
      precondition(limit > 0, "micro-batches of \(limit) tokens")
      func rows(_ chosen: Chosen) -> Int { chosen.passes(twoPass: twoPass) * (chosen.example.breaks.count + 1) }
      return split(step) { part, next in
        let all = part + [next]
        guard layout == .padded else { return all.reduce(0) { $0 + $1.tokens(twoPass: twoPass) } <= limit }
        return all.reduce(0) { $0 + rows($1) } * next.longest <= limit
      }
    }
  }

  /// Shortest first; an example joins the last part if it may.
  private func split(_ step: [Chosen], _ mayJoin: ([Chosen], Chosen) -> Bool) -> [[Chosen]] {
    var parts = [[Chosen]]()
    for next in step.sorted(by: { ($0.longest, $0.index) < ($1.longest, $1.index) }) {
      if let last = parts.last, mayJoin(last, next) {
        parts[parts.count - 1].append(next)
      } else {
        parts.append([next])
      }
    }
    return parts
  }
}

extension Chosen {
  /// Tokens of its longest document, the length of its rows.
  fileprivate var longest: Int { example.documents.map(\.count).max() ?? 0 }
}
