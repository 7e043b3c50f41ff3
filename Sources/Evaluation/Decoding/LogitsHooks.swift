// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
import Torch

/// Hooks for constrained decoding.
public enum Constrained {
  /// Allows each sequence only some tokens.
  ///
  /// - Parameter allowed: from a sequence's new tokens so far to those that may follow; nil allows all.
  public static func to(_ allowed: @escaping (_ generated: [Int32]) -> [Int32]?) -> LogitsHook {
    { logits, state in logits = keep(state.generated.map(allowed), of: logits) }
  }

  /// Allows the candidates of a space alone: with `maxNewTokens: 1` the best of them.
  public static func to(_ space: TokenSpace) -> LogitsHook { to { _ in space.ids } }

  /// Allows the answers of a space alone, followed by `end`, which should be a stop token.
  public static func to(_ space: AnswerSpace, end: Int32) -> LogitsHook {
    to { generated in
      switch space.after(generated) {
      case .tokens(let tokens): tokens
      case .value: [end]
      }
    }
  }

  /// Where the model would say a candidate of the space, makes it say the one with the least expected distance
  /// (Bayes decision over the candidates' softmax). Exact for answers of one token.
  ///
  /// - Parameter distances: `distances[v][c]` from the true candidate v to the choice c, M × M.
  public static func leastExpectedDistance(in space: TokenSpace, distances: [[Double]]) -> LogitsHook {
    let ids = space.ids.map(Int64.init)
    return { logits, state in
      let best = try logits.argmax(-1).values(of: Int32.self)
      let scores = logits.indexSelect(-1, Tensor(ids, device: logits.device)).to(.float64).softmax(-1)
      let probabilities = try scores.values(of: Double.self)
      let allowed = best.enumerated().map { row, id -> [Int32]? in
        guard space.candidate(of: id) != nil else { return nil }
        let own = Array(probabilities[row * ids.count..<(row + 1) * ids.count])
        return [space.ids[Evaluation.leastExpectedDistance(own, distances: distances)]]
      }
      logits = keep(allowed, of: logits)
    }
  }

  /// Scores `[B, V]` with everything but some tokens of each row at −∞.
  private static func keep(_ allowed: [[Int32]?], of logits: Tensor) -> Tensor {
    let rows = allowed.indices.filter { allowed[$0] != nil }, lists = rows.map { allowed[$0] ?? [] }
    guard !rows.isEmpty else { return logits }
    // Short lists repeat their first token; empty ones forbid token 0 like all others.
    let widest = max(1, lists.map(\.count).max() ?? 1)
    let columns = lists.flatMap { list in (0..<widest).map { Int64($0 < list.count ? list[$0] : list.first ?? 0) } }
    let isEmpty = Tensor(lists.map(\.isEmpty), shape: [rows.count, 1], device: logits.device)
    let index = Tensor(columns, shape: [rows.count, widest], device: logits.device)
    let row = Tensor(rows.map(Int64.init), device: logits.device)
    let own = logits.indexSelect(0, row)
    let kept = own.gather(-1, index).maskedFill(isEmpty, -.infinity)
    let result = logits.clone()
    result.indexPut_([row], Tensor.full(own.shape, -.infinity, device: logits.device).scatter(-1, index, kept))
    return result
  }
}
