// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch

/// A network whose activations image metrics compare: Inception, or another that fits the images.
///
/// A metric means nothing without the network it was taken with, so results always carry ``name``.
public protocol ImageFeatures: AnyObject {
  /// Name of the network in results: architecture, and the weights as far as they are known.
  var name: String { get }
  /// Whether this is the Inception network of the published Fréchet Inception Distances, weights included. Only then
  /// are results called FID, sFID and Inception Score.
  var isReferenceInception: Bool { get }
  /// Channels of the images it reads: 1 for gray, 3 for RGB.
  var channels: Int { get }
  /// The one size of images it reads; nil if it scales images of any size itself.
  var fixedSize: (height: Int, width: Int)? { get }
  /// Width D of the features.
  var featureCount: Int { get }

  /// Features of images.
  ///
  /// - Parameter images: uint8 `[N, H, W, C]`, of its channels and, if it has one, its fixed size.
  func features(of images: Tensor) -> ImageFeatureBatch
}

/// Features of N images.
public struct ImageFeatureBatch {
  /// Pooled features `[N, D]`.
  public var pooled: Tensor
  /// Features that know where in the image they are `[N, S]`, for sFID and its like; nil if the network has none.
  public var spatial: Tensor?
  /// Logarithms of class probabilities `[N, K]`, for the Inception Score; nil if the network tells no classes apart.
  public var logProbabilities: Tensor?

  /// Memberwise.
  public init(pooled: Tensor, spatial: Tensor? = nil, logProbabilities: Tensor? = nil) {
    (self.pooled, self.spatial, self.logProbabilities) = (pooled, spatial, logProbabilities)
  }

  /// Batches one after another.
  public static func joined(_ batches: [ImageFeatureBatch]) -> ImageFeatureBatch {
    func join(_ key: KeyPath<ImageFeatureBatch, Tensor?>) -> Tensor? {
      let parts = batches.compactMap { $0[keyPath: key] }
      return parts.isEmpty ? nil : Tensor.cat(parts)
    }
    return ImageFeatureBatch(
      pooled: Tensor.cat(batches.map(\.pooled)), spatial: join(\.spatial), logProbabilities: join(\.logProbabilities))
  }
}

extension ImageFeatures {
  /// Throws unless images of this size can be read.
  ///
  /// - Parameter path: where the images come from.
  public func check(height: Int, width: Int, path: String) throws(InputError) {
    guard let size = fixedSize, (height, width) != (size.height, size.width) else { return }
    throw InputError(
      path: path, expected: "images of \(size.width) x \(size.height) for \(name)", found: "\(width) x \(height)",
      remedy: "Choose another network with --features.")
  }
}
