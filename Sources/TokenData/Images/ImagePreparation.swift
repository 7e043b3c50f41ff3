// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// From an image to what a vision model reads: `preprocessor_config.json` of CLIP, LLaVA, SigLIP and Gemma 3, the steps in
/// the order, and with the rounding, of transformers' `CLIPImageProcessor`, `LlavaImageProcessor`, `SiglipImageProcessor`
/// and `Gemma3ImageProcessor` (without pan and scan) on Pillow.
///
///     (pad to a square) → resize → crop the centre → rescale → normalise
///
/// Gray images become RGB. What files hold besides (alpha, CMYK, 16 bits) is ``PixelImage``'s to judge.
public struct ImagePreparation: Sendable, Hashable {
  /// Size after resizing.
  public enum Size: Sendable, Hashable {
    /// The shorter side; the longer one follows, cut off to whole pixels.
    case shortestEdge(Int)
    /// Both sides, whatever the image's shape.
    case exact(height: Int, width: Int)
  }

  /// Whether an image is first made square by bands of the mean colour.
  public var padsToSquare: Bool
  /// The size before the crop; nil leaves the image as large as it is.
  public var size: Size?
  /// How pixels are made up.
  public var filter: PixelImage.ResamplingFilter
  /// Side of the centre crop, and so the size of every result. Where the image is smaller, black is around it.
  public var crop: (height: Int, width: Int) { (cropHeight, cropWidth) }
  private let cropHeight: Int, cropWidth: Int
  /// Factor of the bytes; nil for none.
  public var rescaling: Double?
  /// Subtracted from each channel, after rescaling.
  public var mean: [Double]
  /// Divides each channel after that; 1 for none.
  public var deviation: [Double]

  /// Mean and standard deviation of each channel that CLIP was trained with.
  public static let clip = (
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73], deviation: [0.268_629_54, 0.261_302_58, 0.275_777_11]
  )

  /// The same of SigLIP.
  public static let siglip = (mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])

  /// CLIP's own steps for square images of this side.
  ///
  /// - Parameter distorting: whether both sides are brought to `side`, so that nothing is cropped and a place in the
  ///   image stays the same share of its sides.
  public init(side: Int, distorting: Bool = false) {
    (padsToSquare, filter, rescaling) = (false, .bicubic, 1 / 255)
    size = distorting ? .exact(height: side, width: side) : .shortestEdge(side)
    (cropHeight, cropWidth) = (side, side)
    (mean, deviation) = Self.clip
  }

  init(
    padsToSquare: Bool, size: Size?, filter: PixelImage.ResamplingFilter, crop: (height: Int, width: Int),
    rescaling: Double?, mean: [Double], deviation: [Double]
  ) {
    (self.padsToSquare, self.size, self.filter, self.rescaling) = (padsToSquare, size, filter, rescaling)
    (cropHeight, cropWidth) = crop
    (self.mean, self.deviation) = (mean, deviation)
  }

  /// The image, prepared.
  ///
  /// - Parameter path: what errors call it.
  /// - Throws: `InputError` for an image so long and thin that its square would be too large.
  public func prepare(_ image: PixelImage, path: String) throws(InputError) -> PreparedImage {
    var image = image.converted(channels: 3)
    if padsToSquare {
      let side = max(image.width, image.height)
      try PixelImage.check(width: side, height: side, path: path, pixelLimit: PixelImage.pixelLimit)
      image = image.paddedToSquare(colour: mean.map { UInt8(min(max($0 * 255, 0), 255)) })
    }
    let (height, width) = resizedSides(of: image)
    let rows = CentreCrop(of: height, to: cropHeight), columns = CentreCrop(of: width, to: cropWidth)
    let visible = image.resized(
      width: width, height: height, columns: columns.visible, rows: rows.visible, filter: filter)
    return normalised(visible, top: rows.offset, left: columns.offset)
  }

  /// Height and width after the resize, before the crop.
  private func resizedSides(of image: PixelImage) -> (height: Int, width: Int) {
    switch size {
    case nil: return (image.height, image.width)
    case .exact(let height, let width): return (height, width)
    case .shortestEdge(let edge):
      let (short, long) = (min(image.width, image.height), max(image.width, image.height))
      let longer = Int(Double(edge * long) / Double(short))
      return image.width <= image.height ? (longer, edge) : (edge, longer)
    }
  }

  /// Channels first, in float32 as transformers computes them, with black around what is visible.
  private func normalised(_ image: PixelImage, top: Int, left: Int) -> PreparedImage {
    let area = cropHeight * cropWidth
    let values = [Float](unsafeUninitializedCapacity: 3 * area) { buffer, written in
      for channel in 0..<3 {
        let table = (0..<256).map { value(of: UInt8($0), channel) }
        buffer[channel * area..<(channel + 1) * area].update(repeating: table[0])
        for row in 0..<image.height {
          let target = channel * area + (top + row) * cropWidth + left
          for column in 0..<image.width {
            buffer[target + column] = table[Int(image.bytes[(row * image.width + column) * 3 + channel])]
          }
        }
      }
      written = 3 * area
    }
    return PreparedImage(channels: 3, height: cropHeight, width: cropWidth, values: values)
  }

  private func value(of byte: UInt8, _ channel: Int) -> Float {
    let scaled = rescaling.map { Float(Double(byte) * $0) } ?? Float(byte)
    return (scaled - Float(mean[channel])) / Float(deviation[channel])
  }
}

/// What of one side a crop of the centre shows, and how far in it begins where the side is shorter than the crop.
private struct CentreCrop {
  let visible: Range<Int>
  let offset: Int

  init(of side: Int, to crop: Int) {
    if crop <= side {
      let start = (side - crop) / 2
      (visible, offset) = (start..<start + crop, 0)
    } else {
      (visible, offset) = (0..<side, (crop - side + 1) / 2)
    }
  }
}

extension PixelImage {
  /// The image in the middle of the smallest square that holds it, the rest in one colour.
  ///
  /// - Parameter colour: one value a channel.
  public func paddedToSquare(colour: [UInt8]) -> PixelImage {
    precondition(colour.count == channels, "a colour of \(colour.count) channels")
    if width == height { return self }
    let side = max(width, height), top = (side - height) / 2, left = (side - width) / 2
    var pixels = [UInt8]()
    pixels.reserveCapacity(side * side * channels)
    for _ in 0..<side * side { pixels += colour }
    for row in 0..<height {
      let target = ((top + row) * side + left) * channels
      pixels.replaceSubrange(
        target..<target + width * channels, with: bytes[row * width * channels..<(row + 1) * width * channels])
    }
    return PixelImage(width: side, height: side, channels: channels, bytes: pixels)
  }
}
