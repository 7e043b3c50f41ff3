// SPDX-License-Identifier: Apache-2.0
public import Torch

/// ‖v(x) − v(y)‖² / D between embeddings: what a vector quantiser minimises (section 3.5; a mean over D:
/// docs/paper-map.md Q4).
public struct MeanSquaredDistance: VectorDistance, NamedDistance {
  /// `meanSquared`
  public static let name = "meanSquared"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// False: two steps of 1 are shorter than one of 2.
  public let satisfiesTriangleInequality = false
  /// The vectors.
  public let codeBook: CodeBook

  /// Between the entries of a code book.
  public init(_ codeBook: CodeBook) { self.codeBook = codeBook }
  /// Between the embeddings of the candidates.
  public init(_ parameters: DistanceParameters) throws { self.init(try parameters.requiredCodeBook()) }

  /// The distance as a factor of squared ones, which the fused loss makes row by row; nil where it is none.
  public var squared: (vectors: CodeBook, factor: Double)? { (codeBook, 1 / Double(codeBook.dimensions)) }

  /// d between rows: `[n, D]` and `[m, D]` give `[n, m]`.
  public func distances(from x: Tensor, to y: Tensor) -> Tensor { x.cdist(y).square() / Double(codeBook.dimensions) }
}
