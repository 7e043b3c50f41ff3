// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Distances given one by one, candidate by candidate: costs of confusing one label with another.
public struct TableDistance: NamedDistance {
  /// `table`
  public static let name = "table"
  /// `table`
  public static let parameters = [DistanceParameter("table", .table)]
  /// Whether the table is.
  public let isSymmetric: Bool
  /// False: a table may hold anything.
  public let satisfiesTriangleInequality = false
  /// d(x, y) in row x, column y. `[M, M]`
  public let table: [[Double]]

  /// A table `[M, M]`.
  ///
  /// - Throws: `ObjectiveError` naming the entry that is missing, negative, not finite, or not 0 on the diagonal.
  public init(_ table: [[Double]]) throws {
    for (x, row) in table.enumerated() {
      guard row.count == table.count else {
        throw ObjectiveError(
          "table distance", "row \(x) has \(row.count) entries of \(table.count)", remedy: "Give a square table.")
      }
      for (y, d) in row.enumerated() where !(d.isFinite && d >= 0) || (x == y && d != 0) {
        throw ObjectiveError(
          "table distance", "d(\(x), \(y)) = \(d)", remedy: "Distances are finite, ≥ 0, and 0 on the diagonal.")
      }
    }
    self.table = table
    isSymmetric = table.indices.allSatisfy { x in table.indices.allSatisfy { table[x][$0] == table[$0][x] } }
  }

  /// From `table`.
  public init(_ parameters: DistanceParameters) throws { try self.init(parameters.table("table")) }

  /// Needs one row per candidate.
  public func check(_ space: TokenSpace) throws {
    guard space.count == table.count else {
      throw ObjectiveError(
        "table distance", "\(table.count) rows for the \(space.count) tokens of space \(space.name)",
        remedy: "Give one row and column per token, in the order of the space.")
    }
  }

  /// Distances from candidates, given by index, to all: `[n, M]`.
  public func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor {
    Tensor(candidates.flatMap { table[$0] }, shape: [candidates.count, table.count]).to(device, dtype: dtype)
  }
}
