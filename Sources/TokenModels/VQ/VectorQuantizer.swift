// SPDX-License-Identifier: Apache-2.0
public import Torch
public import TorchNN

/// A code book: every vector becomes the nearest of V. Checkpoint name `embedding.weight` `[V, D]`.
public final class VectorQuantizer: Module {
  /// The code book: `[codes, width]`.
  @Child("embedding") public var embedding: Embedding
  /// Whether vectors are scaled to length 1 first; the squared distance is then 2 − 2 cos.
  public let isNormalised: Bool

  init(_ c: VQConfiguration) {
    isNormalised = c.isNormalised
    super.init()
    embedding = Embedding(c.codes, c.codeWidth, device: .meta)
  }

  /// The code book as vectors are compared with it: `[V, D]`.
  public var codeBook: Tensor { prepared(embedding.weight) }

  /// Vectors `[…, D]` as they are compared.
  public func prepared(_ vectors: Tensor) -> Tensor { isNormalised ? vectors.scaledToUnitLength() : vectors }

  /// Index of the nearest code of each of the prepared vectors `[N, D]`; of several equally near ones the first.
  ///
  /// ‖z − e‖² = ‖z‖² + ‖e‖² − 2 z·e, of which the first term is the same for all codes. Distances are made for some
  /// vectors at a time, so that no more than `chunkElements` are ever there.
  ///
  /// - Returns: `[N]` int64.
  public func nearest(_ vectors: Tensor) -> Tensor {
    noGrad {
      let book = codeBook.detach(), squares = book.square().sum(-1), transposed = book.transpose(0, 1)
      let chunk = max(1, Self.chunkElements / book.size(0))
      let parts = vectors.detach().split(chunk, 0).map { part in
        squares.unsqueeze(0).addmm(part, transposed, scale: -2).argmin(-1)
      }
      return parts.count == 1 ? parts[0] : .cat(parts)
    }
  }

  /// Largest number of distances held at once.
  static let chunkElements = 1 << 22
}

extension Tensor {
  /// Divided by the Euclidean length along the last dimension; what is shorter than 10⁻¹² stays near zero.
  fileprivate func scaledToUnitLength() -> Tensor { self / norm(-1, keepDim: true).clamp(1e-12, nil) }
}
