// SPDX-License-Identifier: Apache-2.0
public import Torch

/// ‖v(x) − v(y)‖ between embeddings (section 2.4).
public struct EuclideanDistance: VectorDistance, NamedDistance {
  /// `euclidean`
  public static let name = "euclidean"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// d(x, z) ≤ d(x, y) + d(y, z).
  public let satisfiesTriangleInequality = true
  /// The vectors.
  public let codeBook: CodeBook

  /// Between the entries of a code book.
  public init(_ codeBook: CodeBook) { self.codeBook = codeBook }
  /// Between the embeddings of the candidates.
  public init(_ parameters: DistanceParameters) throws { self.init(try parameters.requiredCodeBook()) }

  /// d between rows: `[n, D]` and `[m, D]` give `[n, m]`.
  public func distances(from x: Tensor, to y: Tensor) -> Tensor { x.cdist(y) }
}
