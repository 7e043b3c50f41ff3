// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Embeddings v(x) of the candidates of a space, row by row (section 2.4). Plain values, so that objectives are too.
public struct CodeBook: Sendable, Hashable {
  /// Number of entries M.
  public let count: Int
  /// Length D of each.
  public let dimensions: Int
  /// `[M, D]`, row major.
  public let values: [Float]

  /// Memberwise.
  ///
  /// - Throws: `ObjectiveError` if the shape is empty or does not fit, or an entry is not finite (it is named).
  public init(_ values: [Float], count: Int, dimensions: Int) throws {
    guard count > 0, dimensions > 0, values.count == count * dimensions else {
      throw ObjectiveError(
        "code book", "\(values.count) numbers for \(count) embeddings of \(dimensions)", remedy: "Give M × D numbers.")
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw ObjectiveError(
        "code book", "embedding \(bad / dimensions) holds \(values[bad])", remedy: "Check the file it comes from.")
    }
    (self.values, self.count, self.dimensions) = (values, count, dimensions)
  }

  /// The rows of a tensor `[M, D]`.
  public init(_ tensor: Tensor) throws {
    guard tensor.dimensions == 2 else {
      throw ObjectiveError("code book", "a tensor of shape \(tensor.shape)", remedy: "Give one of shape [M, D].")
    }
    try self.init(tensor.detach().array(of: Float.self), count: tensor.size(0), dimensions: tensor.size(1))
  }

  /// `[M, D]`
  func tensor(dtype: DType, device: Device) -> Tensor {
    Tensor(values, shape: [count, dimensions]).to(device, dtype: dtype)
  }
}
