// SPDX-License-Identifier: Apache-2.0
extension PixelImage {
  /// A part of the image, which must lie inside.
  public func cropped(left: Int, top: Int, width: Int, height: Int) -> PixelImage {
    precondition(left >= 0 && top >= 0 && left + width <= self.width && top + height <= self.height, "outside")
    var part = [UInt8]()
    part.reserveCapacity(width * height * channels)
    for row in top..<top + height {
      let start = (row * self.width + left) * channels
      part += bytes[start..<start + width * channels]
    }
    return PixelImage(width: width, height: height, channels: channels, bytes: part)
  }

  /// Left and right exchanged.
  public var mirrored: PixelImage {
    var turned = [UInt8]()
    turned.reserveCapacity(bytes.count)
    for row in 0..<height {
      for column in stride(from: width - 1, through: 0, by: -1) {
        let start = (row * width + column) * channels
        turned += bytes[start..<start + channels]
      }
    }
    return PixelImage(width: width, height: height, channels: channels, bytes: turned)
  }

  /// Rows and columns exchanged.
  public var transposed: PixelImage {
    var turned = [UInt8]()
    turned.reserveCapacity(bytes.count)
    for column in 0..<width {
      for row in 0..<height {
        let start = (row * width + column) * channels
        for channel in 0..<channels { turned.append(bytes[start + channel]) }
      }
    }
    return PixelImage(width: height, height: width, channels: channels, bytes: turned)
  }

  /// The middle, `side` x `side`, of an image at least as large. Where the margin is odd, half a pixel is rounded to
  /// even, as torchvision's `center_crop` does.
  public func centreCrop(_ side: Int) -> PixelImage {
    func start(_ length: Int) -> Int { Int((Double(length - side) / 2).rounded(.toNearestOrEven)) }
    return cropped(left: start(width), top: start(height), width: side, height: side)
  }

  /// Corners (top left, top right, bottom left, bottom right) and centre, as torchvision's `five_crop`.
  public func fiveCrops(_ side: Int) -> [PixelImage] {
    [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)].map {
      cropped(left: $0.0, top: $0.1, width: side, height: side)
    } + [centreCrop(side)]
  }

  /// The image scaled so that its shorter side is `side`, and the middle of that: halved by averages while it is at
  /// least twice as large, then bicubic, as ADM and LlamaGen prepare ImageNet.
  public func centred(_ side: Int) -> PixelImage {
    var image = self
    while min(image.width, image.height) >= 2 * side {
      image = image.resized(width: image.width / 2, height: image.height / 2, filter: .box)
    }
    let scale = Double(side) / Double(min(image.width, image.height))
    func scaled(_ length: Int) -> Int { max(side, Int((Double(length) * scale).rounded(.toNearestOrEven))) }
    let (width, height) = (scaled(image.width), scaled(image.height))
    let (left, top) = ((width - side) / 2, (height - side) / 2)
    return image.resized(
      width: width, height: height, columns: left..<left + side, rows: top..<top + side, filter: .bicubic)
  }
}
