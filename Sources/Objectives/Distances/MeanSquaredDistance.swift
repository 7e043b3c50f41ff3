public import Torch

/// ‖v(x) − v(y)‖² / D between embeddings: what a vector quantiser minimises (section 3.5; a mean over D:
/// docs/paper-map.md Q4).
public struct MeanSquaredDistance: VectorDistance {
  /// `meanSquared`
  public let name = "meanSquared"
  public let isSymmetric = true
  public let satisfiesTriangleInequality = false
  public let codeBook: CodeBook

  /// Between the entries of a code book.
  public init(_ codeBook: CodeBook) { self.codeBook = codeBook }

  public var squared: (vectors: CodeBook, factor: Double)? { (codeBook, 1 / Double(codeBook.dimensions)) }

  public func distances(from x: Tensor, to y: Tensor) -> Tensor { x.cdist(y).square() / Double(codeBook.dimensions) }
}
