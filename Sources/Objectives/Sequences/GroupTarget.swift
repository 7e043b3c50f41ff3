// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens

/// What the rewards of the responses to one prompt shall be like: the fourth slot of objectives over whole responses.
/// One number a response, made of what was said of them.
public enum GroupTarget: Sendable, Hashable, Codable {
  /// 1 − ε for the best response (shared by those that are equally good), ε shared by the others.
  case best(smoothing: Double = 0)
  /// (1 − ε)/(1 − 2ε) for the best of two and −ε/(1 − 2ε) for the other: what is right on average if a share ε of the
  /// preferences is the wrong way round.
  case signed(noise: Double)
  /// softmax(R/τ) of the scores R; with τ = 0 the best.
  case scores(temperature: Double)
  /// The record's own probability that the first of two is better.
  case given
  /// 1 for a response that is wanted, 0 for one that is not.
  case labels
  /// The responses' numbers, best first.
  case order
  /// The scores R themselves.
  case rewards
}

extension GroupTarget {
  /// One number for each response; nil if what was said of them does not tell.
  public func values(of worth: Worth) -> [Double]? {
    switch self {
    case .best(let smoothing):
      guard let best = worth.best else { return nil }
      let others = worth.count - best.count, each = (1 - smoothing) / Double(best.count)
      // Where all are equally good, none is left to give ε to.
      if others == 0 { return [Double](repeating: 1 / Double(best.count), count: worth.count) }
      return (0..<worth.count).map { best.contains($0) ? each : smoothing / Double(others) }
    case .signed(let noise):
      guard worth.count == 2, let best = worth.best, best.count == 1 else { return nil }
      return (0..<2).map { $0 == best[0] ? (1 - noise) / (1 - 2 * noise) : -noise / (1 - 2 * noise) }
    case .scores(let temperature):
      guard case .scores(let scores) = worth else { return nil }
      guard temperature > 0, let top = scores.max() else { return GroupTarget.best().values(of: worth) }
      let powers = scores.map { exp(($0 - top) / temperature) }, sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    case .given:
      guard case .preference(let probability) = worth else { return nil }
      return [probability, 1 - probability]
    case .labels:
      guard case .label(let isWanted) = worth else { return nil }
      return [isWanted ? 1 : 0]
    case .order:
      guard worth.count > 1, let scores = worth.scores else { return nil }
      return scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.map(Double.init)
    case .rewards:
      guard case .scores(let scores) = worth else { return nil }
      return scores
    }
  }
}

extension Worth {
  /// A score of each; of two of which one is better, 1 and 0.
  var scores: [Double]? {
    switch self {
    case .preference: [1, 0]
    case .scores(let scores): scores
    case .label: nil
    }
  }

  /// Which are the best, several if their scores are equal; nil for a single response.
  var best: [Int]? {
    guard let scores, let top = scores.max() else { return nil }
    return scores.indices.filter { scores[$0] == top }
  }

  /// For measurements: which share of the responses' mean is that of good ones. A wanted response counts as chosen, one
  /// that is not wanted as rejected.
  var chosen: [Double] {
    if case .label(let isWanted) = self { return [isWanted ? 1 : 0] }
    guard let first = best?.first else { return [] }
    return (0..<count).map { $0 == first ? 1 : 0 }
  }
}
