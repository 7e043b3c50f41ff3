public import Torch

/// ‖v(x) − v(y)‖ between embeddings (section 2.4).
public struct EuclideanDistance: VectorDistance {
  /// `euclidean`
  public let name = "euclidean"
  public let isSymmetric = true
  public let satisfiesTriangleInequality = true
  public let codeBook: CodeBook

  /// Between the entries of a code book.
  public init(_ codeBook: CodeBook) { self.codeBook = codeBook }

  public func distances(from x: Tensor, to y: Tensor) -> Tensor { x.cdist(y) }
}
