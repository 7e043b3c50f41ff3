// SPDX-License-Identifier: Apache-2.0
package import Evaluation
package import TokenData
package import TokenModels
package import Torch
package import TorchNN

/// Images uint8 `[N, H, W, C]` of codes `[N, h, w]`, some at a time.
///
/// - Parameter side: what they are resized to (bicubic, before they are cut to 0 … 255, as LlamaGen does); nil leaves
///   them as they are.
package func decodedImages(of codes: Tensor, _ model: VQModel, side: Int? = nil) throws -> Tensor {
  let parts = try codes.split(256, 0).map { part in
    var images = try model.decode(part)
    if let side, images.size(2) != side { images = images.resizedBicubic(height: side, width: side) }
    return ImagePixels.bytes(images).permute([0, 2, 3, 1]).contiguous()
  }
  return .cat(parts)
}

extension ImageBatch {
  /// Images uint8 `[N, H, W, C]`.
  package init(_ pixels: Tensor) {
    self.init(
      count: pixels.size(0), height: pixels.size(1), width: pixels.size(2), channels: pixels.size(3),
      bytes: pixels.contiguous().array(of: UInt8.self))
  }
}

extension VQModel {
  /// Codes `[N, h, w]` of images uint8 `[N, C, H, W]`, some at a time.
  package func codes(of images: Tensor) throws -> Tensor {
    .cat(try images.split(256, 0).map { try encode(ImagePixels.normalised($0)).codes })
  }
}

/// Compares images with the test images by one network.
package struct ImageEvaluator {
  private let network: any ImageFeatures
  private let real: ImageFeatureBatch

  /// - Parameter real: uint8 `[N, 28, 28, 1]`
  package init(_ network: any ImageFeatures, real: Tensor) {
    self.network = network
    self.real = Self.features(network, real)
  }

  package func features(of images: Tensor) -> ImageFeatureBatch { Self.features(network, images) }

  package func metrics(of images: Tensor) -> ImageMetrics {
    var options = ImageMetricOptions()
    (options.neighbourLimit, options.resamples) = (2000, 0)
    return ImageMetrics(real: real, generated: features(of: images), network: network, options: options)
  }

  private static func features(_ network: any ImageFeatures, _ images: Tensor) -> ImageFeatureBatch {
    .joined(images.split(500, 0).map { network.features(of: $0) })
  }
}

extension FashionMNIST.Part {
  /// uint8 `[N, 1, 28, 28]`, as tokenizers read them.
  package var planes: Tensor { Tensor(images, shape: [count, 1, FashionMNIST.side, FashionMNIST.side]) }
  /// uint8 `[N, 28, 28, 1]`, as features do.
  package var channelsLast: Tensor { Tensor(images, shape: [count, FashionMNIST.side, FashionMNIST.side, 1]) }
}
