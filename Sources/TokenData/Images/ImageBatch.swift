// SPDX-License-Identifier: Apache-2.0
/// Images of one size, one after another.
public struct ImageBatch: Sendable, Hashable {
  /// How many.
  public let count: Int
  /// Rows of each.
  public let height: Int
  /// Pixels of a row.
  public let width: Int
  /// 1 for gray, 3 for RGB.
  public let channels: Int
  /// The values `[count, height, width, channels]`, in row-major order.
  public let bytes: [UInt8]

  /// Images of these values.
  public init(count: Int, height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    precondition(bytes.count == count * height * width * channels, "\(bytes.count) bytes")
    (self.count, self.height, self.width, self.channels, self.bytes) = (count, height, width, channels, bytes)
  }

  /// Images of equal size and channels, of which there is at least one.
  public init(_ images: [PixelImage]) {
    self.init(
      count: images.count, height: images[0].height, width: images[0].width, channels: images[0].channels,
      bytes: images.flatMap(\.bytes))
  }

  /// Each image by itself.
  public var images: [PixelImage] {
    let size = height * width * channels
    return (0..<count).map { index in
      PixelImage(
        width: width, height: height, channels: channels, bytes: Array(bytes[index * size..<(index + 1) * size]))
    }
  }

  /// The same images with 1 or 3 channels; see ``PixelImage/converted(channels:)``.
  public func converted(channels wanted: Int) -> ImageBatch {
    if wanted == channels { return self }
    // All images below one another are one image.
    let tall = PixelImage(width: width, height: count * height, channels: channels, bytes: bytes)
    return ImageBatch(
      count: count, height: height, width: width, channels: wanted, bytes: tall.converted(channels: wanted).bytes)
  }
}
