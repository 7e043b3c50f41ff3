// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens
import Torch

/// A target distribution over a given space: temperatures as numbers, and the table of all targets if it is small.
///
/// Everything is computed in float64, once; a loss only looks rows up.
public struct ResolvedTarget: Sendable {
  /// Largest M for which all M² targets are kept. Beyond, rows are computed when asked for.
  public static let largestTable = 2048
  /// Targets x over which a large space's mean perplexity is taken, evenly spread.
  static let sampledRows = 128

  /// The candidates.
  public let space: TokenSpace
  /// d
  public let distance: any Distance
  /// τ, one for all targets or one for each candidate x.
  public let temperatures: [Double]

  /// A large code book's vectors e and, around each candidate x, the factor of ‖e(v) − e(x)‖² in log p(v | x): with
  /// them a loss makes targets where it needs them, and with `factor`, which is τ times that, expected distances. Nil
  /// where there is a table, for distances that are no multiple of that square, and where τ is 0 or a base measure is
  /// not uniform.
  let vectors: (book: CodeBook, factor: Double, sharpness: [Double])?

  /// d and log p, `[M, M]` row major; nil if too large.
  private let table: (distances: [Double], logP: [Double])?

  init(_ target: TargetDistribution, over space: TokenSpace) throws {
    try target.distance.check(space)
    self.space = space
    distance = target.distance
    let solver = TemperatureSolver(distance: target.distance, space: space)
    temperatures = try solver.solve(target.temperature)
    guard space.count <= Self.largestTable else {
      table = nil
      vectors = Self.vectors(distance, space, temperatures)
      return
    }
    vectors = nil
    let taus = Tensor(temperatures, shape: [temperatures.count, 1])
    let distances = solver.rows(Array(0..<space.count))
    let logP = noGrad { logTarget(distances, logBase: space.logBase, temperature: taus) }
    table = (try distances.values(of: Double.self), try logP.values(of: Double.self))
  }

  private static func vectors(
    _ distance: any Distance, _ space: TokenSpace, _ temperatures: [Double]
  ) -> (book: CodeBook, factor: Double, sharpness: [Double])? {
    guard space.base == nil, temperatures.allSatisfy({ $0 > 0 && $0.isFinite }),
      let form = (distance as? any VectorDistance)?.squared
    else { return nil }
    let sharpness = (0..<space.count).map { form.factor / temperatures[temperatures.count == 1 ? 0 : $0] }
    return (form.vectors, form.factor, sharpness)
  }

  /// τ of the target around a candidate.
  public func temperature(around candidate: Int) -> Double {
    temperatures.count == 1 ? temperatures[0] : temperatures[candidate]
  }

  /// p_d(· | x) over all candidates, for a candidate x. Sums to 1.
  public func probabilities(around candidate: Int) -> [Double] {
    rows(around: [candidate]).array(of: Double.self).map { exp($0) }
  }

  /// Mean perplexity exp(H) of the targets around these candidates (nil: all).
  public func perplexity(around candidates: [Int]? = nil) -> Double {
    let logP = rows(around: candidates ?? Array(0..<space.count))
    return noGrad { perplexities(logP).mean().item() }
  }

  /// d(x, v) between two candidates. Only for spaces of at most `largestTable` candidates.
  public func distance(from x: Int, to v: Int) -> Double {
    guard let table else { preconditionFailure("no table of distances over \(space.count) candidates") }
    return table.distances[x * space.count + v]
  }

  /// max d(x, v) over all candidates. Only for spaces of at most `largestTable` candidates.
  var largestDistance: Double {
    guard let table else { preconditionFailure("no table of distances over \(space.count) candidates") }
    return table.distances.max() ?? 0
  }

  /// Whether distances between single candidates can be looked up.
  var hasTable: Bool { table != nil }

  /// Whether every candidate has some mass around every x, as far as the table knows.
  var hasFullSupport: Bool {
    if let table { return table.logP.allSatisfy(\.isFinite) }
    return (space.base ?? []).allSatisfy { $0 > 0 } && temperatures.allSatisfy { $0 > 0 }
  }

  /// log p_d(· | x) for some x, `[n, M]` float64.
  func rows(around candidates: [Int]) -> Tensor {
    let count = space.count
    if let table {
      let values = candidates.flatMap { table.logP[$0 * count..<($0 + 1) * count] }
      return Tensor(values, shape: [candidates.count, count])
    }
    return noGrad {
      let distances = distance.rows(from: candidates, over: space, dtype: .float64, device: .cpu)
      return logTarget(distances, logBase: space.logBase, temperature: taus(candidates))
    }
  }

  /// log p over all candidates and one more (the contrastive token, A.2) at a given distance, for some x.
  /// `[n, M + 1]` float64.
  func rows(around candidates: [Int], contrastiveDistances: [Double]) -> Tensor {
    noGrad {
      let known = candidates.flatMap { x in (0..<space.count).map { distance(from: x, to: $0) } }
      let distances = Tensor(known, shape: [candidates.count, space.count])
      let contrastive = Tensor(contrastiveDistances, shape: [contrastiveDistances.count, 1])
      let base = space.logBase.map { Tensor.cat([$0, Tensor([0.0])]) }
      return logTarget(Tensor.cat([distances, contrastive], 1), logBase: base, temperature: taus(candidates))
    }
  }

  private func taus(_ candidates: [Int]) -> Tensor {
    Tensor(candidates.map(temperature(around:)), shape: [candidates.count, 1])
  }
}

extension TokenSpace {
  /// log q `[M]`, nil for uniform.
  var logBase: Tensor? { base.map { Tensor($0.map { log($0) }) } }
}

/// exp(H) of each row of log p `[n, K]`. `[n]`
func perplexities(_ logP: Tensor) -> Tensor {
  let p = logP.exp()
  return (-(p * Tensor.select(p .> 0, logP, p)).sum(1)).exp()
}
