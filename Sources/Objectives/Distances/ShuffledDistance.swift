// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Another distance with its meaning destroyed: the random metric of Table 8 (docs/paper-map.md Q27).
///
/// Scale and entropy stay those of the original, so that only the geometry is gone.
public struct ShuffledDistance: NamedDistance {
  /// Permuted units.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// The distances of all pairs, among the pairs: no structure is left. Needs the whole matrix.
    case pairs
    /// The tokens: the same structure over the wrong tokens. Works row by row, for large code books.
    case tokens
  }

  /// `shuffled`
  public static let name = "shuffled"
  /// `of`: the distance that is shuffled, whose parameters stand beside it; `seed`, 0 unless given; `by`: `pairs` (the
  /// default) or `tokens`.
  public static let parameters = [
    DistanceParameter("of", .text), DistanceParameter("seed", .integer), DistanceParameter("by", .text),
  ]
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// That of the original where tokens are dealt out; false where pairs are.
  public let satisfiesTriangleInequality: Bool
  /// The distance whose values are dealt out anew.
  public let original: any Distance
  /// Permuted units.
  public let unit: Unit
  /// Same seed, same permutation.
  public let seed: UInt64

  /// Shuffles a symmetric distance.
  ///
  /// - Throws: `ObjectiveError` if the original does not claim symmetry, which dealing out pairs would not keep.
  public init(_ original: any Distance, seed: UInt64, by unit: Unit = .pairs) throws {
    guard original.isSymmetric else {
      throw ObjectiveError(
        "shuffled distance", "\(original.name) distance is not symmetric", remedy: "Shuffle a symmetric one.")
    }
    (self.original, self.seed, self.unit) = (original, seed, unit)
    satisfiesTriangleInequality = unit == .tokens && original.satisfiesTriangleInequality
  }

  /// From `of`, `seed` and `by`.
  public init(_ parameters: DistanceParameters) throws {
    let original = try parameters.text("of"), by = try parameters.text("by", default: Unit.pairs.rawValue)
    let seed = try parameters.integer("seed", default: 0)
    guard original != Self.name else {
      throw ObjectiveError("shuffled distance", "it would shuffle itself", remedy: "Name another distance.")
    }
    guard let unit = Unit(rawValue: by), seed >= 0 else {
      throw ObjectiveError(
        "shuffled distance", "seed \(seed), by \(by)", remedy: "Give a seed from 0 on, and pairs or tokens.")
    }
    try self.init(DistanceRegistry.make(original, parameters), seed: UInt64(seed), by: unit)
  }

  /// Whatever the original needs; for pairs, a space whose whole matrix may be held.
  public func check(_ space: TokenSpace) throws {
    try original.check(space)
    guard unit == .tokens || space.count <= ResolvedTarget.largestTable else {
      throw ObjectiveError(
        "shuffled distance", "\(space.count) tokens have too many pairs to hold", remedy: "Shuffle by tokens.")
    }
  }

  /// Distances from candidates, given by index, to all: `[n, M]`.
  public func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor {
    let count = space.count
    switch unit {
    case .tokens:
      let order = permutation(of: count)
      let rows = original.rows(from: candidates.map { order[$0] }, over: space, dtype: dtype, device: device)
      return rows.indexSelect(1, Tensor(order.map(Int64.init), device: device))
    case .pairs:
      let truth = original.rows(from: Array(0..<count), over: space, dtype: .float64, device: .cpu)
        .array(of: Double.self)
      if truth.count != count * count { return Tensor(truth) }  // an operation failed: its message is thrown
      let pairs = (0..<count).flatMap { x in (0..<x).map { (x, $0) } }
      var table = [Double](repeating: 0, count: count * count)
      for ((x, y), other) in zip(pairs, permutation(of: pairs.count)) {
        let d = truth[pairs[other].0 * count + pairs[other].1]
        (table[x * count + y], table[y * count + x]) = (d, d)
      }
      let rows = candidates.flatMap { table[$0 * count..<($0 + 1) * count] }
      return Tensor(rows, shape: [candidates.count, count]).to(device, dtype: dtype)
    }
  }

  /// Fisher and Yates, by our own generator: the same on every platform and release.
  private func permutation(of count: Int) -> [Int] {
    var generator = CounterGenerator(seed)
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, generator.next(below: last + 1)) }
    return order
  }
}
