// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// A distance d between the candidates of a token space (section 2.1): d ≥ 0 and d(x, x) = 0.
///
/// It need not be a metric: squared and cosine distances break the triangle inequality (docs/paper-map.md Q2). Symmetry
/// and the triangle inequality hold only where a type claims them, and `checkDistance` in TestSupport holds it to its word.
///
/// One that run files can name is a ``NamedDistance``.
public protocol Distance: Sendable {
  /// Name in run files and reports.
  var name: String { get }
  /// Whether d(x, y) = d(y, x) is claimed.
  var isSymmetric: Bool { get }
  /// Whether d(x, z) ≤ d(x, y) + d(y, z) is claimed.
  var satisfiesTriangleInequality: Bool { get }

  /// Checks that this distance can rate the candidates of a space.
  ///
  /// - Throws: `ObjectiveError` saying what the space lacks.
  func check(_ space: TokenSpace) throws

  /// Rows of the distance matrix: d(x, v) for each of some x and every candidate v. `[n, M]`
  ///
  /// Only rows are ever asked for, so that a code book of 16,384 entries needs no table of 16,384². The space has
  /// passed `check`.
  func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor
}

/// A distance between the values of two tokens, or between whole numbers.
public protocol ValueDistance: Distance, NumberMetric {
  /// The same for targets over whole numbers. By default they are summed up value by value; distances with a closed
  /// form say which.
  var betweenNumbers: NumberDistance { get }
}

extension ValueDistance {
  /// Summed up value by value.
  public var betweenNumbers: NumberDistance { .other(AnyNumberMetric(self)) }

  /// Needs values.
  public func check(_ space: TokenSpace) throws { try checkValues(space) }

  /// Needs values.
  func checkValues(_ space: TokenSpace) throws {
    guard space.values == nil else { return }
    throw ObjectiveError(
      "\(name) distance", "the tokens of space \(space.name) have no values",
      remedy: "Give them values, or use the discrete distance, a table or a code book.")
  }

  /// Distances between values, `[n, M]`, computed in float64.
  public func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor {
    let values = space.values ?? []
    let rows = candidates.flatMap { x in values.map { distance(from: values[x], to: $0) } }
    return Tensor(rows, shape: [candidates.count, values.count]).to(device, dtype: dtype)
  }
}

/// A distance between the embeddings of two tokens (section 2.4).
public protocol VectorDistance: Distance {
  /// Embedding of each candidate.
  var codeBook: CodeBook { get }
  /// Distances `[n, M]` between vectors `[n, D]` and `[M, D]`.
  func distances(from x: Tensor, to y: Tensor) -> Tensor
  /// Vectors u and a factor with d(x, v) = factor · ‖u(x) − u(v)‖², where there are any: kernels make targets of them
  /// without a table. Nil by default.
  var squared: (vectors: CodeBook, factor: Double)? { get }
}

extension VectorDistance {
  /// The distance as a factor of squared ones, which the fused loss makes row by row; nil where it is none.
  public var squared: (vectors: CodeBook, factor: Double)? { nil }

  /// Needs one embedding per candidate.
  public func check(_ space: TokenSpace) throws {
    guard space.count == codeBook.count else {
      throw ObjectiveError(
        "\(name) distance", "\(codeBook.count) embeddings for the \(space.count) tokens of space \(space.name)",
        remedy: "Give the code book that belongs to the tokens.")
    }
  }

  /// Distances between embeddings, `[n, M]`.
  public func rows(from candidates: [Int], over space: TokenSpace, dtype: DType, device: Device) -> Tensor {
    let vectors = codeBook.tensor(dtype: dtype, device: device)
    let index = Tensor(candidates.map(Int64.init), device: device)
    return distances(from: vectors.indexSelect(0, index), to: vectors)
  }
}
