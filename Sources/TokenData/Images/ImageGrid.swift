// SPDX-License-Identifier: Apache-2.0
extension PixelImage {
  /// Images of one size side by side, row by row, on white.
  ///
  /// - Parameters:
  ///   - images: at least one. Gray and RGB may be mixed: the grid is RGB then.
  ///   - columns: images of a row.
  ///   - gap: pixels between neighbours.
  ///   - scale: pixels of the grid for each pixel of an image, along either side: small images can be seen so.
  public static func grid(_ images: [PixelImage], columns: Int, gap: Int = 2, scale: Int = 1) -> PixelImage {
    precondition(!images.isEmpty && columns > 0 && gap >= 0 && scale > 0, "a grid of \(images.count) in \(columns)")
    let first = images[0], channels = images.map(\.channels).max()!
    precondition(images.allSatisfy { $0.width == first.width && $0.height == first.height }, "images of unlike size")
    let across = min(columns, images.count), down = (images.count + columns - 1) / columns
    let (cellWidth, cellHeight) = (first.width * scale, first.height * scale)
    let width = across * (cellWidth + gap) - gap, height = down * (cellHeight + gap) - gap
    var bytes = [UInt8](repeating: 255, count: width * height * channels)
    for (index, image) in images.enumerated() {
      let pixels = image.converted(channels: channels).bytes
      let (left, top) = (index % columns * (cellWidth + gap), index / columns * (cellHeight + gap))
      for row in 0..<cellHeight {
        var target = ((top + row) * width + left) * channels
        for column in 0..<cellWidth {
          let source = (row / scale * first.width + column / scale) * channels
          for channel in 0..<channels { bytes[target + channel] = pixels[source + channel] }
          target += channels
        }
      }
    }
    return PixelImage(width: width, height: height, channels: channels, bytes: bytes)
  }
}
