// SPDX-License-Identifier: Apache-2.0
public import Torch

/// 1 − v(x)·v(y) / (‖v(x)‖ ‖v(y)‖) between embeddings (equation 7).
public struct CosineDistance: VectorDistance, NamedDistance {
  /// `cosine`
  public static let name = "cosine"
  /// d(x, y) = d(y, x).
  public let isSymmetric = true
  /// False: the way by a vector in between can be shorter.
  public let satisfiesTriangleInequality = false
  /// The vectors.
  public let codeBook: CodeBook

  /// Between the entries of a code book.
  ///
  /// - Throws: `ObjectiveError` naming an entry of length 0, which has no direction.
  public init(_ codeBook: CodeBook) throws {
    for code in 0..<codeBook.count {
      let row = codeBook.values[code * codeBook.dimensions..<(code + 1) * codeBook.dimensions]
      guard row.contains(where: { $0 != 0 }) else {
        throw ObjectiveError(
          "cosine distance", "embedding \(code) is zero and has no direction", remedy: "Use the Euclidean distance.")
      }
    }
    self.codeBook = codeBook
  }
  /// Between the embeddings of the candidates.
  public init(_ parameters: DistanceParameters) throws { try self.init(parameters.requiredCodeBook()) }

  /// The distance as a factor of squared ones, which the fused loss makes row by row; nil where it is none.
  public var squared: (vectors: CodeBook, factor: Double)? {
    guard let units = try? CodeBook(unit(codeBook.tensor(dtype: .float64, device: .cpu)).to(.float32)) else {
      return nil
    }
    return (units, 0.5)
  }

  /// For unit vectors 1 − u·w = ‖u − w‖²/2, which is exactly 0 for equal ones and never below.
  public func distances(from x: Tensor, to y: Tensor) -> Tensor { unit(x).cdist(unit(y)).square() / 2.0 }

  private func unit(_ x: Tensor) -> Tensor {
    let scaled = x / x.abs().max(1, keepDim: true)  // squares of very large or small entries stay finite
    return scaled / scaled.square().sum(1, keepDim: true).sqrt()
  }
}
